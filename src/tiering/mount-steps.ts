/**
 * The single steps on a hot path, as tiering and recovery do them: each checks right before it acts that things are as the plan
 * says. Both hold the storage lock meanwhile.
 */
import type { StepResult } from '../core/plan.ts';
import type { Mount } from '../core/storage/mountinfo.ts';
import type { MountTable } from '../core/storage/mount-table.ts';
import { joinBelow, relativeTo } from '../core/storage/path-relation.ts';
import type { MountSummary } from '../core/storage/path-report.ts';
import { judgeWriteCheck } from '../core/storage/write-check.ts';
import type { BindStep, UnmountStep } from '../core/tiering/tiering-plan.ts';
import { bindHotPath, unmountHotPath } from '../effects/hot-mounts.ts';
import { readMountTable } from '../effects/read-mounts.ts';
import { checkWritable, type AccessOptions } from '../effects/storage-access.ts';
import type { StorageReport } from '../effects/storage-probe.ts';
import type { UserIds } from '../effects/user-ids.ts';

export interface MountSurroundings {
  readonly jobsRoot: string;
  /** Canonical, with the mount of the plan; null where nothing is bound from it. */
  readonly base: { readonly path: string; readonly fstype: string; readonly mount: MountSummary } | null;
  readonly staleErrnos: readonly string[];
  readonly access: AccessOptions;
  readonly workerUser: UserIds;
}

/** How many paths that do not lie in one another are mounted or proved at a time. */
export const sideBySide = 4;

export type Ending = Pick<StepResult<never>, 'outcome' | 'error'>;

export const done: Ending = { outcome: 'done', error: null };
export const skipped = (why: string): Ending => ({ outcome: 'skipped', error: why });
export const failed = (why: string): Ending => ({ outcome: 'failed', error: why });

/**
 * The topmost layer, and those below it until what belongs there is on top. Never a mount that the plan does not know.
 * @param binds the other steps of the plan: what lies inside a dead mount goes along only if it is mounted again
 */
export async function unmountLayers(
  step: UnmountStep,
  binds: readonly BindStep[],
  around: MountSurroundings,
): Promise<Ending> {
  const { mountId, device, layers, state } = step.expects;
  const planned = readMountTable().stackAt(step.path).slice(-layers).toReversed();
  if (planned[0]?.id !== mountId) return failed('another mount lies there than when the plan was made');
  const bind = binds.find(({ path }) => path === step.path);
  const takesAlong = state === 'dead';
  for (const layer of planned) {
    const table = readMountTable();
    const top = table.topmostAt(step.path);
    if (top === undefined) return done;
    const isFirst = layer.id === mountId;
    if (!isFirst && bind !== undefined && isExpected(top, bind, around)) return done;
    if (top.id !== layer.id) return failed('another mount was put there meanwhile');
    // What lies below a dead mount can't be asked; what is of another file system may well be alive.
    if (takesAlong && top.device !== device)
      return failed(`below the dead mount lies another one (${top.fstype} of ${top.source})`);
    const inner = foreignInside(step, binds, table);
    if (inner !== undefined) return failed(`${inner.mountPoint} is mounted below it`);
    const { jobsRoot, access } = around;
    const order = { jobsRoot, hotPath: step.path, mountId: layer.id, takesAlong, along: step.along };
    const result = await unmountHotPath(order, access);
    if (result.kind === 'failed') return failed(result.detail);
  }
  return done;
}

function foreignInside(
  { path, along, expects: { device, state } }: UnmountStep,
  binds: readonly BindStep[],
  table: MountTable,
): Mount | undefined {
  return table.below(path).find((mount) => {
    if (state !== 'dead') return true;
    if (along.includes(mount.mountPoint)) return false;
    return mount.device !== device || !binds.some((bind) => bind.path === mount.mountPoint);
  });
}

/** Mounts what belongs there, if nothing is mounted there; it is proved afterwards by whoever mounts (effects/hot-mounts.ts). */
export async function bindIfAbsent(step: BindStep, around: MountSurroundings): Promise<Ending> {
  const { base, jobsRoot, access } = around;
  if (base === null) return failed('there is no storage box to bind from');
  const table = readMountTable();
  const top = table.topmostAt(step.path);
  if (top !== undefined && isExpected(top, step, around)) return skipped('it is there already');
  const inner = table.below(step.path)[0];
  if (inner !== undefined) return failed(`${inner.mountPoint}, below it, is mounted and would be hidden`);
  const { outer } = step.expects;
  if (outer !== null && table.topmostAt(outer.path)?.device !== outer.device)
    return failed(`${outer.path}, in which it lies, is not mounted as it was when the plan was made`);
  const order = { base, coldPath: step.coldPath, makesCold: step.makesCold, jobsRoot, hotPath: step.path };
  const result = await bindHotPath(order, { ...access, lanes: sideBySide });
  return result.kind === 'done' ? done : failed(result.detail);
}

function isExpected(
  mount: { readonly device: string; readonly root: string; readonly deleted: boolean },
  { coldPath }: BindStep,
  { base }: MountSurroundings,
): boolean {
  const below = base === null ? undefined : relativeTo(coldPath, base.path);
  if (base === null || below === undefined || mount.deleted) return false;
  return mount.device === base.mount.device && mount.root === joinBelow(base.mount.root, below);
}

/** State and identity as a crawl would find them, and a written, synced, read-back, removed file as the worker's user. */
export async function verifyPath(
  path: string,
  seen: Pick<StorageReport['paths'][number], 'state' | 'reason' | 'identity'> | undefined,
  { staleErrnos, access, workerUser }: MountSurroundings,
): Promise<Ending> {
  if (seen?.state !== 'healthy') return failed(`${seen?.state ?? 'unknown'}: ${seen?.reason ?? 'not seen'}`);
  const check = await checkWritable(path, { ...access, asUser: workerUser, lanes: sideBySide });
  const fstype = seen.identity.kind === 'mount' ? seen.identity.fstype : 'local';
  const verdict = judgeWriteCheck(check, { fstype, staleErrnos });
  return verdict === null ? done : failed(`${verdict.state}: ${verdict.reason}`);
}
