/**
 * Carries out a tiering plan, tree by tree. The storage lock is held exclusively while the mounts of one tree change, so
 * that no worker admits a job while a path is neither the one nor the other. Each step checks again right before it acts
 * that things are as the plan says; one that fails stops nothing but what depends on it. Verified is without the lock.
 */
import { LockHeldError } from '../core/errors.ts';
import type { StepResult } from '../core/plan.ts';
import { isAtOrBelow, joinBelow, relativeTo } from '../core/storage/path-relation.ts';
import type { MountSummary } from '../core/storage/path-report.ts';
import { judgeWriteCheck } from '../core/storage/write-check.ts';
import type { BindStep, TieringPlan, TieringStep, UnmountStep } from '../core/tiering/tiering-plan.ts';
import type { HeldLock } from '../effects/flock.ts';
import { bindHotPath, secureHotMount, unmountHotPath } from '../effects/hot-mounts.ts';
import { readMountTable } from '../effects/mount-table.ts';
import { checkWritable, type AccessOptions } from '../effects/storage-access.ts';
import { observeStorage, type StorageReport } from '../effects/storage-probe.ts';
import type { UserIds } from '../effects/user-ids.ts';
import type { LiveCrawl } from '../worker/live-crawls.ts';
import { lockStorage } from './lock-storage.ts';
import { crawlsOn } from './observe-tiering.ts';

export interface TieringSurroundings {
  readonly jobsRoot: string;
  /** Canonical, with the mount of the plan. */
  readonly base: { readonly path: string; readonly fstype: string; readonly mount: MountSummary };
  readonly staleErrnos: readonly string[];
  readonly access: AccessOptions;
  readonly storageLock: string;
  /** Those that hold their lock on this host. Asked once the storage lock is held: from then on no new crawl begins. */
  readonly liveCrawls: () => Promise<readonly LiveCrawl[]>;
  /** Those that the database says are running; null when it does not answer. Asked likewise. */
  readonly jobCrawls: () => Promise<readonly LiveCrawl[] | null>;
  readonly workerUser: UserIds;
}

type Result = StepResult<TieringStep>;
type Ending = Pick<Result, 'outcome' | 'error'>;

const done: Ending = { outcome: 'done', error: null };
const skipped = (why: string): Ending => ({ outcome: 'skipped', error: why });
const failed = (why: string): Ending => ({ outcome: 'failed', error: why });

/** @throws LockHeldError when the storage lock is not to be had in time */
export async function applyTiering(plan: TieringPlan, around: TieringSurroundings): Promise<Result[]> {
  const results: Result[] = [];
  const broken: string[] = [];
  const run = async (step: TieringStep, act: () => Promise<Ending>): Promise<void> => {
    const cause = broken.find((path) => isAtOrBelow(step.path, path));
    const begin = performance.now();
    const ending =
      cause === undefined
        ? await act()
        : skipped(cause === step.path ? 'a step before it failed' : `what is above it failed: ${cause}`);
    if (ending.outcome === 'failed') broken.push(step.path);
    results.push({ step, ...ending, durationMs: performance.now() - begin });
  };

  for (const tree of treesOf(plan)) {
    const lock = await lockUnlessBegun(around.storageLock, results.length > 0);
    if (typeof lock === 'string') {
      for (const step of tree) await run(step, () => Promise.resolve(failed(lock)));
      continue;
    }
    try {
      const look = await lookAgain(tree, around);
      for (const step of tree) {
        await run(step, async () => {
          const crawl = crawlsOn([step.path, step.configuredPath], look.crawls)[0];
          if (crawl !== undefined) return failed(`a crawl runs on it now (${crawl})`);
          if (step.kind === 'bind') return await bindIfAbsent(step, around);
          const problem = look.problemOf(step);
          return problem === null ? await unmountLayers(step, tree, around) : failed(problem);
        });
      }
    } finally {
      lock.release();
    }
  }
  for (const step of plan.steps) {
    if (step.kind !== 'secure') continue;
    await run(step, async () => {
      const result = await secureHotMount(step.expects, around.access);
      return result.kind === 'done' ? done : failed(result.detail);
    });
  }
  const verifies = plan.steps.filter((step) => step.kind === 'verify');
  const report = await observeBinds(
    [...bindsOf(plan.steps), ...plan.steps.filter((step) => step.kind === 'secure')],
    around,
  );
  for (const step of verifies) await run(step, async () => await verify(step.path, report, around));
  return results;
}

/** Once something has been done, what could not be done beside it is told with it. */
async function lockUnlessBegun(path: string, hasBegun: boolean): Promise<HeldLock | string> {
  try {
    return await lockStorage(path);
  } catch (error) {
    if (hasBegun && error instanceof LockHeldError) return error.message;
    throw error;
  }
}

type MountStep = UnmountStep | BindStep;

/** The mount steps of the plan in groups of paths that lie inside one another. */
function treesOf({ steps }: TieringPlan): MountStep[][] {
  const trees = new Map<string, MountStep[]>();
  const mountSteps = steps.filter((step) => step.kind === 'unmount' || step.kind === 'bind');
  const paths = mountSteps.map(({ path }) => path).sort((a, b) => a.length - b.length);
  for (const step of mountSteps) {
    const top = paths.find((path) => isAtOrBelow(step.path, path)) ?? step.path;
    trees.set(top, [...(trees.get(top) ?? []), step]);
  }
  return [...trees.values()];
}

function bindsOf(steps: readonly TieringStep[]): BindStep[] {
  return steps.filter((step) => step.kind === 'bind');
}

interface Look {
  readonly crawls: readonly LiveCrawl[];
  /** Why nothing may be taken off for the step; null when it may. */
  readonly problemOf: (step: UnmountStep) => string | null;
}

/**
 * What decides whether something may be taken off, looked up anew: neither mount id nor device tell a mount from the
 * one that came after it (F17), and the base may have gone, and with it what could be mounted again.
 */
async function lookAgain(tree: readonly MountStep[], around: TieringSurroundings): Promise<Look> {
  const onThisHost = await around.liveCrawls();
  if (tree.every(({ kind }) => kind === 'bind')) return { crawls: onThisHost, problemOf: () => null };
  const elsewhere = await around.jobCrawls();
  const report = await observeBinds(bindsOf(tree), around);
  return {
    crawls: [...onThisHost, ...(elsewhere ?? [])],
    problemOf: ({ path, expects }) => {
      if (elsewhere === null) return 'the database does not answer now: nobody knows what runs on it';
      const { base } = report;
      if (base?.state !== 'healthy') return `the storage box is ${base?.state ?? 'unknown'} now`;
      const planned = expects.base ?? { mountId: around.base.mount.id, device: around.base.mount.device };
      if (base.mount?.id !== planned.mountId || base.mount.device !== planned.device)
        return 'the storage box is not mounted as it was when the plan was made';
      const state = report.paths.find((seen) => seen.path === path)?.state ?? 'unknown';
      return state === expects.state ? null : `it is ${state} now, no longer ${expects.state}`;
    },
  };
}

async function observeBinds(
  binds: readonly { readonly path: string; readonly coldPath: string }[],
  around: TieringSurroundings,
): Promise<StorageReport> {
  const { base, staleErrnos, access } = around;
  return await observeStorage({
    base: { mount: base.path, fstype: base.fstype },
    paths: binds.map(({ path, coldPath }) => ({
      path,
      expectation: { kind: 'bind', mountPoint: path, coldPath },
    })),
    staleErrnos,
    probeTimeoutMs: access.timeoutMs,
    stuckDir: access.stuckDir,
  });
}

/**
 * The topmost layer, and those below it until what belongs there is on top. Never a mount that the plan does not know, and
 * never one with another mount inside it.
 */
async function unmountLayers(
  step: UnmountStep,
  tree: readonly MountStep[],
  around: TieringSurroundings,
): Promise<Ending> {
  const { jobsRoot, access } = around;
  const { mountId, device, layers, state } = step.expects;
  const planned = readMountTable().stackAt(step.path).slice(-layers).toReversed();
  if (planned[0]?.id !== mountId) return failed('another mount lies there than when the plan was made');
  const bind = bindsOf(tree).find(({ path }) => path === step.path);
  for (const layer of planned) {
    const table = readMountTable();
    const top = table.topmostAt(step.path);
    if (top === undefined) return done;
    const isFirst = layer.id === mountId;
    if (!isFirst && bind !== undefined && isExpected(top, bind, around)) return done;
    if (top.id !== layer.id) return failed('another mount was put there meanwhile');
    // What lies below a dead mount can't be asked; what is of another file system may well be alive.
    if (state === 'dead' && top.device !== device) {
      return failed(`below the dead mount lies another one (${top.fstype} of ${top.source})`);
    }
    const takesAlong = state === 'dead';
    const inner = table.below(step.path).find(({ mountPoint, device: innerDevice }) => {
      const isMountedAgain = bindsOf(tree).some(({ path }) => path === mountPoint);
      return !takesAlong || innerDevice !== device || !isMountedAgain;
    });
    if (inner !== undefined) return failed(`${inner.mountPoint} is mounted below it`);
    const order = { jobsRoot, hotPath: step.path, mountId: layer.id, takesAlong };
    const result = await unmountHotPath(order, access);
    if (result.kind === 'failed') return failed(result.detail);
  }
  return done;
}

async function bindIfAbsent(step: BindStep, around: TieringSurroundings): Promise<Ending> {
  const table = readMountTable();
  const top = table.topmostAt(step.path);
  if (top !== undefined && isExpected(top, step, around)) return skipped('it is there already');
  const inner = table.below(step.path)[0];
  if (inner !== undefined) return failed(`${inner.mountPoint}, below it, is mounted and would be hidden`);
  const { outer } = step.expects;
  if (outer !== null && table.topmostAt(outer.path)?.device !== outer.device)
    return failed(`${outer.path}, in which it lies, is not mounted as it was when the plan was made`);
  const { base, jobsRoot, access } = around;
  const order = { base, coldPath: step.coldPath, jobsRoot, hotPath: step.path };
  const result = await bindHotPath(order, access);
  return result.kind === 'done' ? done : failed(result.detail);
}

function isExpected(
  mount: { readonly device: string; readonly root: string; readonly deleted: boolean },
  { coldPath }: BindStep,
  { base }: TieringSurroundings,
): boolean {
  const below = relativeTo(coldPath, base.path);
  if (below === undefined || mount.deleted) return false;
  return mount.device === base.mount.device && mount.root === joinBelow(base.mount.root, below);
}

/** Rule 5: state and identity as a crawl would find them, and a written, synced, read-back, removed file. */
async function verify(
  path: string,
  report: StorageReport,
  { base, staleErrnos, access, workerUser }: TieringSurroundings,
): Promise<Ending> {
  const seen = report.paths.find((candidate) => candidate.path === path);
  if (seen?.state !== 'healthy') return failed(`${seen?.state ?? 'unknown'}: ${seen?.reason ?? 'not seen'}`);
  const check = await checkWritable(path, { ...access, asUser: workerUser });
  const verdict = judgeWriteCheck(check, { fstype: base.fstype, staleErrnos });
  return verdict === null ? done : failed(`${verdict.state}: ${verdict.reason}`);
}
