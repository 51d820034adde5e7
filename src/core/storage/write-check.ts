import { stateOfErrno } from './path-state.ts';
import type { StorageVerdict } from './path-report.ts';

/** A small file was made with a random name, written, synced, read back and removed. */
export type WriteCheck =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'error';
      readonly step: WriteStep;
      readonly errno: string;
      readonly freeBytes: number | null;
    }
  /** The file read back differs from what was written. */
  | { readonly kind: 'corrupt' }
  /** No answer for as long as one may take, in the given step; null where that was before the first. */
  | { readonly kind: 'timed_out'; readonly step: WriteStep | null }
  | { readonly kind: 'still_blocked'; readonly pid: number }
  | { readonly kind: 'not_asked'; readonly detail: string };

export type WriteStep = 'become_user' | 'create' | 'write' | 'sync' | 'read' | 'remove';

/** The state that a failed write check stands for; null for a good one. */
export function judgeWriteCheck(
  check: WriteCheck,
  mount: { readonly fstype: string; readonly staleErrnos: readonly string[] },
): StorageVerdict | null {
  switch (check.kind) {
    case 'ok':
      return null;
    case 'corrupt':
      return { state: 'unknown', errno: null, reason: 'a file read back differs from what was written' };
    case 'timed_out':
      return { state: 'hung', errno: null, reason: `no answer in time: ${describe(check.step)}` };
    case 'still_blocked':
      return {
        state: 'hung',
        errno: null,
        reason: `an earlier probe is still blocked (process ${check.pid})`,
      };
    case 'not_asked':
      return { state: 'unknown', errno: null, reason: check.detail };
    case 'error':
      return judgeWriteError(check, mount);
  }
}

function describe(step: WriteStep | null): string {
  return `could not ${(step ?? 'write').replace('_', ' ')} a small file`;
}

/**
 * SFTP has one status for a full disk, an exceeded quota and a read-only file system: "failure". sshfs makes it
 * EPERM where it waits for the answer, and EIO where the data was written behind (seen at fsync). A refusal of
 * permission is EACCES there, never EPERM.
 */
function judgeWriteError(
  { errno, step, freeBytes }: Extract<WriteCheck, { kind: 'error' }>,
  { fstype, staleErrnos }: { readonly fstype: string; readonly staleErrnos: readonly string[] },
): StorageVerdict {
  const state = stateOfErrno(errno, staleErrnos);
  const wording = `${describe(step)} (${errno})`;
  if (freeBytes === 0 && (errno === 'EPERM' || errno === 'EIO')) {
    return { state: 'unwritable', errno, reason: `${wording}: no space is left` };
  }
  if (errno === 'EPERM' && fstype === 'fuse.sshfs') {
    return { state: 'unwritable', errno, reason: `${wording}: the server is read-only, full or over quota` };
  }
  return { state, errno, reason: wording };
}
