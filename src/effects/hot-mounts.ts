import type { MountSummary } from '../core/storage/path-report.ts';
import { relativeTo } from '../core/storage/path-relation.ts';
import { readMountTable } from './read-mounts.ts';
import { askChild, startTheClock } from './storage/ask-child.ts';
import { mountProgramMs } from './storage/mount-program.ts';
import type { ChildRequest } from './storage/child-protocol.ts';
import type { AccessOptions } from './storage-access.ts';

/** Mount steps on hot paths, each by a disposable child that reaches its directories without following a link. */

/** Mounting, three of making it safe, taking it off again. */
const programsOfAStep = 4;

export type MountResult =
  | { readonly kind: 'done'; readonly mountId: number | null }
  /** A sentence for people, without full stop. */
  | { readonly kind: 'failed'; readonly detail: string };

export interface BindOrder {
  readonly base: { readonly path: string; readonly mount: MountSummary };
  readonly coldPath: string;
  /** Whether it is made if it is absent. */
  readonly makesCold: boolean;
  readonly jobsRoot: string;
  readonly hotPath: string;
}

/**
 * Binds the cold directory to the hot path: nosuid, nodev, private (storage-facts F23). Fails when the base is another
 * mount than the given one, or something is mounted at the path. All paths canonical; needs root.
 */
export async function bindHotPath(order: BindOrder, options: AccessOptions): Promise<MountResult> {
  const { base, coldPath, makesCold, jobsRoot, hotPath } = order;
  const table = readMountTable();
  const covering = table.covering(hotPath);
  const baseMount = table.topmostAt(base.path);
  if (covering === undefined || baseMount === undefined) return failed('the storage box is not mounted');
  if (covering.mountPoint === hotPath) return failed('something is mounted there meanwhile');
  const { id, device, root, fstype } = base.mount;
  return await run(
    {
      operation: 'bind',
      base: { path: base.path, mountId: id, device, root, fstype },
      coldNames: namesBelow(coldPath, base.path),
      makesCold,
      jobsRoot,
      hotNames: namesBelow(hotPath, jobsRoot),
      coveringMountId: covering.id,
    },
    baseMount.id === id ? baseMount : null,
    options,
  );
}

/** Makes a mount nosuid, nodev and private that is there already. Needs root. */
export async function secureHotMount(
  { id, device, root }: Pick<MountSummary, 'id' | 'device' | 'root'>,
  options: AccessOptions,
): Promise<MountResult> {
  return await run({ operation: 'secure', mountId: id, device, root }, null, options);
}

export interface UnmountOrder {
  readonly jobsRoot: string;
  readonly hotPath: string;
  readonly mountId: number;
  /** It is dead, and what is mounted inside it of the same file system goes with it. */
  readonly takesAlong: boolean;
  /** Mount points inside it that go with it whatever they are of. */
  readonly along: readonly string[];
}

/** Takes the given mount off the hot path, if it is the topmost one there. All paths canonical; needs root. */
export async function unmountHotPath(
  { jobsRoot, hotPath, mountId, takesAlong, along }: UnmountOrder,
  options: AccessOptions,
): Promise<MountResult> {
  const hotNames = namesBelow(hotPath, jobsRoot);
  if (hotNames.length === 0) return failed('it does not lie below the jobs root');
  return await run({ operation: 'unmount', jobsRoot, hotNames, mountId, takesAlong, along }, null, options);
}

async function run(
  request: ChildRequest,
  mount: Parameters<typeof askChild>[1]['mount'],
  { timeoutMs, stuckDir, lanes = 1 }: AccessOptions,
): Promise<MountResult> {
  // Between two answers lie an answer of the storage and a few programs, each of which has a deadline of its own.
  const silentMs = timeoutMs + programsOfAStep * mountProgramMs;
  const { answers, ended } = await askChild(request, { ...startTheClock(silentMs, stuckDir), mount, lanes });
  for (const answer of answers) {
    if (answer.kind === 'mounted') return { kind: 'done', mountId: answer.mountId };
    if (answer.kind === 'unmounted') return { kind: 'done', mountId: null };
    if (answer.kind === 'refused') return failed(answer.detail);
  }
  switch (ended.kind) {
    case 'timed_out':
      return failed(`no answer within ${silentMs / 1000} s`);
    case 'still_blocked':
      return failed(`an earlier probe of the storage box is still blocked (process ${ended.pid})`);
    case 'not_asked':
      return failed(ended.detail);
    case 'done':
      return failed('the mount step gave no answer');
  }
}

function failed(detail: string): MountResult {
  return { kind: 'failed', detail };
}

/** The names that lead from `ancestor` to `path`, which lies below it. */
export function namesBelow(path: string, ancestor: string): string[] {
  return (relativeTo(path, ancestor) ?? '').split('/').filter((name) => name !== '');
}
