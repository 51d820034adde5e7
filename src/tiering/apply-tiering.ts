/**
 * Carries out a tiering plan, a few trees at a time. The storage lock is held exclusively while their mounts change, so
 * that no worker admits a job while a path is neither the one nor the other. Each step checks again right before it acts
 * that things are as the plan says; one that fails stops nothing but what depends on it. Verified is without the lock.
 */
import { LockHeldError } from '../core/errors.ts';
import { inLanes } from '../core/in-lanes.ts';
import type { StepResult } from '../core/plan.ts';
import { isAtOrBelow } from '../core/storage/path-relation.ts';
import type { BindStep, TieringPlan, TieringStep, UnmountStep } from '../core/tiering/tiering-plan.ts';
import type { HeldLock } from '../effects/flock.ts';
import { secureHotMount } from '../effects/hot-mounts.ts';
import { observeStorage, type StorageReport } from '../effects/storage-probe.ts';
import type { LiveCrawl } from '../worker/live-crawls.ts';
import {
  bindIfAbsent,
  done,
  type Ending,
  failed,
  type MountSurroundings,
  sideBySide,
  skipped,
  unmountLayers,
  verifyPath,
} from './mount-steps.ts';
import { lockStorage } from '../worker/host-locks.ts';
import { crawlsOn } from './observe-tiering.ts';

export interface TieringSurroundings extends MountSurroundings {
  readonly base: NonNullable<MountSurroundings['base']>;
  readonly storageLock: string;
  /** Those that hold their lock on this host. Asked once the storage lock is held: from then on no new crawl begins. */
  readonly liveCrawls: () => Promise<readonly LiveCrawl[]>;
  /** Those that the database says are running; null when it does not answer. Asked likewise. */
  readonly jobCrawls: () => Promise<readonly LiveCrawl[] | null>;
  /** Called with each step as it ends. */
  readonly onEnd: (result: StepResult<TieringStep>) => void;
}

type Result = StepResult<TieringStep>;

/** @throws LockHeldError when the storage lock is not to be had in time */
export async function applyTiering(plan: TieringPlan, around: TieringSurroundings): Promise<Result[]> {
  const results = new Map<TieringStep, Result>();
  const broken: string[] = [];
  const run = async (step: TieringStep, act: () => Promise<Ending>): Promise<void> => {
    const cause = broken.find((path) => isAtOrBelow(step.path, path));
    const begin = performance.now();
    const ending =
      cause === undefined
        ? await act()
        : skipped(cause === step.path ? 'a step before it failed' : `what is above it failed: ${cause}`);
    if (ending.outcome === 'failed') broken.push(step.path);
    const result = { step, ...ending, durationMs: performance.now() - begin };
    results.set(step, result);
    around.onEnd(result);
  };

  for (const trees of inBatches(treesOf(plan), sideBySide)) {
    const lock = await lockUnlessBegun(around.storageLock, results.size > 0);
    if (typeof lock === 'string') {
      for (const step of trees.flat()) await run(step, () => Promise.resolve(failed(lock)));
      continue;
    }
    try {
      const look = await lookAgain(trees.flat(), around);
      const mountStep = async (step: MountStep, tree: readonly MountStep[]): Promise<Ending> => {
        const crawl = crawlsOn([step.path, step.configuredPath], look.crawls)[0];
        if (crawl !== undefined) return failed(`a crawl runs on it now (${crawl})`);
        if (step.kind === 'bind') return await bindIfAbsent(step, around);
        const problem = look.problemOf(step);
        return problem === null ? await unmountLayers(step, bindsOf(tree), around) : failed(problem);
      };
      await inLanes(trees, sideBySide, async (tree) => {
        for (const step of tree) await run(step, () => mountStep(step, tree));
      });
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
  await inLanes(verifies, sideBySide, async (step) => {
    const seen = report.paths.find(({ path }) => path === step.path);
    await run(step, () => verifyPath(step.path, seen, around));
  });
  return plan.steps.flatMap((step) => results.get(step) ?? []);
}

function* inBatches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let begin = 0; begin < items.length; begin += size) yield items.slice(begin, begin + size);
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
