import { stateOfErrno } from './path-state.ts';
import type { StorageVerdict } from './path-report.ts';

/** What is at a path, by lstat(2). */
export type PathKind = 'directory' | 'symlink' | 'other' | 'absent';

/**
 * The answer to the lookup of a random, never used name below a path. Only a name that no cache can know makes the
 * server answer: `stat`, `open` and `readdir` of known names are answered from the cache for a while after the
 * storage is gone.
 */
export type Lookup =
  /** The random name is not there, as it must be, which took `tookMs`; then the path itself was looked up. */
  | { readonly kind: 'answered'; readonly path: PathKind; readonly tookMs?: number }
  | { readonly kind: 'error'; readonly errno: string }
  /** No answer within the deadline. */
  | { readonly kind: 'timed_out' }
  /** Not asked: an earlier question to the same superblock is still blocked in that process. */
  | { readonly kind: 'still_blocked'; readonly pid: number }
  /** Not asked: the mount that the path lies below, or another mount of the same superblock, failed first. */
  | { readonly kind: 'failed_at'; readonly mountPoint: string; readonly lookup: FailedLookup }
  /** Not asked, for a reason that says nothing about the storage. */
  | { readonly kind: 'not_asked'; readonly detail: string };

export type FailedLookup = Extract<Lookup, { kind: 'error' | 'timed_out' | 'still_blocked' }>;

export interface LookupContext {
  readonly staleErrnos: readonly string[];
  /** Requests that the daemon of this mount has not answered (fusectl `waiting`); null where it can't be known. */
  readonly waitingRequests: number | null;
}

/** A name takes one to three round trips to the server; more than this is felt in everything that a crawl does. */
const slowMs = 1000;

/** What is odd about an answer that came in time, to follow a reason; empty if nothing is. */
export function describeSlowness(lookup: Lookup): string {
  if (lookup.kind !== 'answered' || lookup.tookMs === undefined || lookup.tookMs < slowMs) return '';
  return `; it answers slowly (${(lookup.tookMs / 1000).toFixed(1)} s for a name)`;
}

/** The state that a lookup alone decides; null when it was answered as it should be. */
export function judgeLookup(lookup: Lookup, context: LookupContext): StorageVerdict | null {
  switch (lookup.kind) {
    case 'answered':
      return null;
    case 'error':
      return judgeErrno(lookup.errno, context.staleErrnos);
    case 'timed_out':
      return {
        state: 'hung',
        errno: null,
        reason: 'no answer in time' + describeWaiting(context.waitingRequests),
      };
    case 'still_blocked':
      return {
        state: 'hung',
        errno: null,
        reason: `an earlier probe is still blocked (process ${lookup.pid})${describeWaiting(context.waitingRequests)}`,
      };
    case 'failed_at': {
      const verdict = judgeLookup(lookup.lookup, context);
      if (!verdict) return null;
      return { ...verdict, reason: `${verdict.reason}, seen at ${lookup.mountPoint}` };
    }
    case 'not_asked':
      return { state: 'unknown', errno: null, reason: lookup.detail };
  }
}

function judgeErrno(errno: string, staleErrnos: readonly string[]): StorageVerdict {
  const state = stateOfErrno(errno, staleErrnos);
  switch (state) {
    case 'dead':
      return { state, errno, reason: `mounted, but its file system is gone (${errno})` };
    case 'degraded':
      return { state, errno, reason: `the storage server can't be reached now (${errno})` };
    case 'denied':
      return { state, errno, reason: `access is denied (${errno}); a mount option can be the cause` };
    case 'unwritable':
      return { state, errno, reason: `the file system takes no data (${errno})` };
    default:
      return { state, errno, reason: `the lookup failed with ${errno}` };
  }
}

function describeWaiting(requests: number | null): string {
  if (requests === null || requests === 0) return '';
  return `; ${requests} request${requests === 1 ? '' : 's'} without an answer`;
}
