import type { Configuration } from '../config/schema.ts';
import { automations } from '../core/automations.ts';
import type { AutoStartWorld } from '../core/autostart/auto-start-world.ts';
import { deployLockState, hasSentinel } from '../effects/automation-gates.ts';
import { isLockFree } from '../effects/flock.ts';
import { bootClockMs, thisHost } from '../effects/host.ts';
import { showUnits } from '../effects/systemd.ts';
import { seenJobs, surveyHotPaths } from '../hot-paths/survey.ts';
import { workerPaths } from '../worker/worker-paths.ts';

/** Reads everything once, in bounded time. */
export async function observeAutoStart(configuration: Configuration): Promise<AutoStartWorld> {
  const { paths, worker } = configuration;
  const host = thisHost();
  const [survey, [unitState = null], deployLock, isAtWork] = await Promise.all([
    surveyHotPaths(configuration, Date.now(), { isBrief: true }),
    showUnits([worker.unit]),
    deployLockState(paths.deploy_lock),
    isRecoveryAtWork(configuration),
  ]);
  return {
    hasSentinel: hasSentinel(paths.sentinel_dir, automations['worker-auto-start'].sentinel),
    deployLock,
    isRecoveryAtWork: isAtWork,
    clock: { bootId: host.bootId, bootMs: bootClockMs() },
    unit: worker.unit,
    unitState,
    base: survey.base,
    jobs: seenJobs(survey, host),
  };
}

/** Whether a run of recovery holds its lock. Who may not ask is told that it does not: nothing is started by that. */
export async function isRecoveryAtWork({ paths }: Pick<Configuration, 'paths'>): Promise<boolean> {
  try {
    return !(await isLockFree(workerPaths(paths.state_dir).recoveryLock));
  } catch {
    return false;
  }
}
