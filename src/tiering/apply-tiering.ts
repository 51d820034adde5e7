/**
 * Carries out a tiering plan. The storage lock is held exclusively around the mount steps, so that no worker admits a
 * job while a path is neither the one nor the other, and given back before anything is verified. Each step checks
 * again right before it acts that things are as the plan says; one that fails stops nothing but what depends on it.
 */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockHeldError } from '../core/errors.ts';
import type { StepResult } from '../core/plan.ts';
import { isAtOrBelow, joinBelow, relativeTo } from '../core/storage/path-relation.ts';
import { judgeWriteCheck } from '../core/storage/write-check.ts';
import type { MountSummary } from '../core/storage/path-report.ts';
import type { BindStep, TieringPlan, TieringStep, UnmountStep } from '../core/tiering/tiering-plan.ts';
import { makeStateFolder } from '../effects/state-folder.ts';
import { tryLock, type HeldLock } from '../effects/flock.ts';
import { bindHotPath, unmountHotPath } from '../effects/hot-mounts.ts';
import { readMountTable } from '../effects/mount-table.ts';
import { checkWritable, type AccessOptions } from '../effects/storage-access.ts';
import { observeStorage } from '../effects/storage-probe.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { UserIds } from '../effects/user-ids.ts';
import type { LiveCrawl } from '../worker/live-crawls.ts';
import { crawlsOn } from './observe-tiering.ts';

export interface TieringSurroundings {
  readonly jobsRoot: string;
  /** Canonical, with the mount of the plan. */
  readonly base: { readonly path: string; readonly fstype: string; readonly mount: MountSummary };
  readonly staleErrnos: readonly string[];
  readonly access: AccessOptions;
  readonly storageLock: string;
  /** Asked once the lock is held: from then on no new crawl begins. */
  readonly liveCrawls: () => Promise<readonly LiveCrawl[]>;
  readonly workerUser: UserIds;
}

type Result = StepResult<TieringStep>;
/** Null: done. */
type Problem = string | null;

/** A worker holds the lock, shared, while it admits and starts a job: for the length of a few probes. */
const lockPatienceMs = 30_000;
const lockPollMs = 50;

/** @throws LockHeldError when the storage lock is not to be had in time */
export async function applyTiering(plan: TieringPlan, around: TieringSurroundings): Promise<Result[]> {
  const results: Result[] = [];
  const failedPaths = new Set<string>();
  const run = async (step: TieringStep, act: () => Promise<Problem>): Promise<void> => {
    const broken = [...failedPaths].find((path) => isAtOrBelow(step.path, path));
    if (broken !== undefined) {
      const error = broken === step.path ? 'a step before it failed' : `what is above it failed: ${broken}`;
      results.push({ step, outcome: 'skipped', error, durationMs: 0 });
      return;
    }
    const begin = performance.now();
    const error = await act();
    if (error !== null) failedPaths.add(step.path);
    const outcome = error === null ? 'done' : 'failed';
    results.push({ step, outcome, error, durationMs: performance.now() - begin });
  };
  const unmounts = plan.steps.filter((step) => step.kind === 'unmount');
  const binds = plan.steps.filter((step) => step.kind === 'bind');
  const verifies = plan.steps.filter((step) => step.kind === 'verify');

  const lock = await lockStorage(around.storageLock);
  try {
    const crawls = await around.liveCrawls();
    const crawlProblem = (path: string): Problem => {
      const [first] = crawlsOn({ path, canonicalPath: path }, crawls);
      return first === undefined ? null : `a crawl runs on it now (${first})`;
    };
    const unmountProblems = await stillAsPlanned(unmounts, plan, around);
    for (const step of unmounts) {
      await run(
        step,
        async () =>
          crawlProblem(step.path) ??
          unmountProblems.get(step.path) ??
          (await unmountLayers(step, plan, around)),
      );
    }
    for (const step of binds) {
      await run(step, async () => crawlProblem(step.path) ?? (await bindIfAbsent(step, around)));
    }
  } finally {
    lock.release();
  }
  const verified = await verify(
    binds.filter(({ path }) => !failedPaths.has(path)),
    around,
  );
  for (const step of verifies) await run(step, async () => await (verified.get(step.path) ?? noProof));
  return results;
}

const noProof = Promise.resolve('it was not verified');

async function lockStorage(path: string): Promise<HeldLock> {
  makeStateFolder(dirname(path));
  const deadline = performance.now() + lockPatienceMs;
  for (;;) {
    const lock = await tryLock(path, 'exclusive');
    if (lock !== null) return lock;
    if (performance.now() > deadline) {
      throw new LockHeldError(
        `the storage lock ${path} is held by another process for longer than ${lockPatienceMs / 1000} s.`,
      );
    }
    await sleep(lockPollMs);
  }
}

/** The state is looked up anew, since neither mount id nor device tell a mount from the one that came after it (F17). */
async function stillAsPlanned(
  steps: readonly UnmountStep[],
  plan: TieringPlan,
  { base, staleErrnos, access }: TieringSurroundings,
): Promise<ReadonlyMap<string, Problem>> {
  const problems = new Map<string, Problem>();
  if (steps.length === 0) return problems;
  const report = await observeStorage({
    base: { mount: base.path, fstype: base.fstype },
    paths: steps.map(({ path }) => {
      const { coldPath = '' } = bindOf(plan, path) ?? {};
      return { path, expectation: { kind: 'bind', mountPoint: path, coldPath } as const };
    }),
    staleErrnos,
    probeTimeoutMs: access.timeoutMs,
    stuckDir: access.stuckDir,
  });
  for (const [index, step] of steps.entries()) {
    const now = report.paths[index];
    if (now?.state !== step.expects.state) {
      problems.set(step.path, `it is ${now?.state ?? 'unknown'} now, no longer ${step.expects.state}`);
    }
  }
  return problems;
}

function bindOf(plan: TieringPlan, path: string): BindStep | undefined {
  return plan.steps.find((step) => step.kind === 'bind' && step.path === path) as BindStep | undefined;
}

/** From the top down, until what belongs there is on top or nothing is left. Never a mount the plan does not know. */
async function unmountLayers(
  step: UnmountStep,
  plan: TieringPlan,
  around: TieringSurroundings,
): Promise<Problem> {
  const { jobsRoot, access } = around;
  const planned = readMountTable().stackAt(step.path).slice(-step.expects.layers);
  if (planned.at(-1)?.id !== step.expects.mountId)
    return 'another mount lies there than when the plan was made';
  const inner = readMountTable().below(step.path)[0];
  if (inner !== undefined) return `${inner.mountPoint} is mounted below it`;
  const bind = bindOf(plan, step.path);
  for (const layer of planned.toReversed()) {
    const top = readMountTable().topmostAt(step.path);
    if (top === undefined || (bind !== undefined && isExpected(top, bind, around))) return null;
    if (top.id !== layer.id) return 'another mount was put there meanwhile';
    // What lies below a dead mount can't be asked; what is of another file system may well be alive.
    if (step.expects.state === 'dead' && top.device !== step.expects.device) {
      return `below the dead mount lies another one (${top.fstype} of ${top.source})`;
    }
    const result = await unmountHotPath({ jobsRoot, hotPath: step.path, mountId: layer.id }, access);
    if (result.kind === 'failed') return result.detail;
  }
  return null;
}

async function bindIfAbsent(step: BindStep, around: TieringSurroundings): Promise<Problem> {
  const top = readMountTable().topmostAt(step.path);
  if (top !== undefined && isExpected(top, step, around)) return null;
  const { base, jobsRoot, access } = around;
  const { baseMountId, baseDevice } = step.expects;
  if (base.mount.id !== baseMountId || base.mount.device !== baseDevice)
    return 'the storage box is another one';
  const order = { base, coldPath: step.coldPath, jobsRoot, hotPath: step.path };
  const result = await bindHotPath(order, access);
  return result.kind === 'done' ? null : result.detail;
}

function isExpected(
  mount: { readonly device: string; readonly root: string },
  { coldPath }: BindStep,
  { base }: TieringSurroundings,
): boolean {
  const below = relativeTo(coldPath, base.path);
  if (below === undefined) return false;
  return mount.device === base.mount.device && mount.root === joinBelow(base.mount.root, below);
}

/** Rule 5: state and identity as a crawl would find them, and a written, synced, read-back, removed file. */
async function verify(
  steps: readonly BindStep[],
  around: TieringSurroundings,
): Promise<ReadonlyMap<string, Promise<Problem>>> {
  const verified = new Map<string, Promise<Problem>>();
  if (steps.length === 0) return verified;
  const { base, staleErrnos, access, workerUser } = around;
  const report = await observeStorage({
    base: { mount: base.path, fstype: base.fstype },
    paths: steps.map(({ path, coldPath }) => ({
      path,
      expectation: { kind: 'bind', mountPoint: path, coldPath },
    })),
    staleErrnos,
    probeTimeoutMs: access.timeoutMs,
    stuckDir: access.stuckDir,
  });
  let before: Promise<unknown> = Promise.resolve();
  for (const [index, { path }] of steps.entries()) {
    const seen = report.paths[index];
    if (seen?.state !== 'healthy') {
      verified.set(path, Promise.resolve(`${seen?.state ?? 'unknown'}: ${seen?.reason ?? 'not looked at'}`));
      continue;
    }
    // One after the other: they write to the same file system, which answers one question of ours at a time.
    const check = before.then(async () => {
      const result = await checkWritable(path, { ...access, asUser: workerUser });
      const verdict = judgeWriteCheck(result, { fstype: base.fstype, staleErrnos });
      return verdict === null ? null : `${verdict.state}: ${escapeToWidth(verdict.reason, 300)}`;
    });
    verified.set(path, check);
    before = check;
  }
  return verified;
}
