import { isAtOrBelow } from '../storage/path-relation.ts';
import type { PastRecovery, RecoveryHistory } from './history.ts';
import type { InterruptStep, ReleaseStep } from './recovery-plan.ts';
import type { RecoveryWorld, WatchedPath } from './recovery-world.ts';

/**
 * A crawl may notice only after the repair that its storage had died: an infra error so soon after it still counts as of
 * the fault that was repaired.
 */
const noticedLateMs = 60_000;

/**
 * Jobs whose cooldown has lost its reason: their path is repaired by this plan, or was by an earlier recovery. Each once per
 * recovery: an infra error after that is a new one, and waits.
 */
export function jobsToRelease(
  world: RecoveryWorld,
  paths: readonly WatchedPath[],
  repaired: readonly string[],
  interrupts: readonly InterruptStep[],
  history: RecoveryHistory,
): ReleaseStep[] {
  const steps = new Map<string, number[]>();
  const add = (path: string, job: number): void => {
    const jobs = steps.get(path) ?? [];
    if (!jobs.includes(job)) steps.set(path, [...jobs, job]);
  };
  for (const { path, jobId } of interrupts) add(path, jobId);
  for (const { jobId, outputDir, beganAtMs } of world.cooldowns) {
    if (repaired.some((path) => isAtOrBelow(outputDir, path))) add(outputDir, jobId);
    const own = paths.find(({ path, configuredPath }) => path === outputDir || configuredPath === outputDir);
    const isMended = (recovery: PastRecovery) =>
      recovery.paths !== null &&
      recovery.paths.some((path) => isAtOrBelow(outputDir, path)) &&
      beganAtMs <= recovery.atMs + noticedLateMs &&
      !recovery.released.includes(jobId);
    if (own?.state === 'healthy' && history.recoveries.slice(-1).some(isMended)) add(outputDir, jobId);
  }
  const because = 'their storage is proved healthy: they need not wait for the end of their cooldown';
  return [...steps].map(([path, jobs]) => ({ kind: 'release', path, because, jobs }));
}
