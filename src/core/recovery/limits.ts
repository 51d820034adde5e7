import { dayMs, hourMs, type PastRecovery, type RecoveryMemory } from './memory.ts';
import type { RecoveryPolicy } from './recovery-plan.ts';

export interface Limit {
  readonly code: 'failed_in_this_run' | 'backoff' | 'capped_hour' | 'capped_day' | 'capped_job';
  readonly because: string;
}

/** What was done before: by earlier runs, and by the run that asks. */
export interface Past {
  readonly memory: RecoveryMemory;
  /** Names the run that asks. */
  readonly run: string;
  /** Paths on which a step of this run has failed: once is enough. */
  readonly failed: ReadonlySet<string>;
  readonly nowMs: number;
}

export function failedInThisRun(path: string, { failed }: Past): Limit | null {
  if (!failed.has(path)) return null;
  return {
    code: 'failed_in_this_run',
    because: 'a step on it has failed in this run; the next run tries again',
  };
}

function recoveriesWithin({ memory, run, nowMs }: Past, lengthMs: number): PastRecovery[] {
  return memory.recoveries.filter((entry) => entry.run !== run && nowMs - entry.atMs < lengthMs);
}

/** What holds back every repair now; null if nothing does. */
export function generalLimit(past: Past, policy: RecoveryPolicy): Limit | null {
  const lastHour = recoveriesWithin(past, hourMs).length;
  if (lastHour >= policy.maxPerHour)
    return {
      code: 'capped_hour',
      because: `${lastHour} recoveries in the last hour; ${policy.maxPerHour} are allowed`,
    };
  const lastDay = recoveriesWithin(past, dayMs).length;
  if (lastDay >= policy.maxPerDay)
    return {
      code: 'capped_day',
      because: `${lastDay} recoveries in the last day; ${policy.maxPerDay} are allowed`,
    };
  return null;
}

/** What holds back the repair of one place: how often it was repaired, or how often a job would be interrupted for it. */
export function limitOf(
  place: { readonly path: string; readonly interruptedJobs: readonly number[] },
  past: Past,
  policy: RecoveryPolicy,
): Limit | null {
  for (const job of place.interruptedJobs) {
    const count = recoveriesWithin(past, dayMs).filter(({ jobs }) => jobs.includes(job)).length;
    if (count < policy.maxPerJobPerDay) continue;
    const because = `job ${job} was interrupted ${times(count)} in the last day; ${policy.maxPerJobPerDay} are allowed`;
    return { code: 'capped_job', because };
  }
  const own = past.memory.recoveries.find(({ run }) => run === past.run);
  if (own?.paths?.includes(place.path) === true)
    return { code: 'backoff', because: 'it was repaired in this run already, and is broken again' };
  const ofPath = recoveriesWithin(past, hourMs).filter(
    ({ paths }) => paths === null || paths.includes(place.path),
  );
  // One that was killed doubles the next wait, but what it left half done is not left to wait.
  const last = ofPath.findLast(({ outcome }) => outcome !== 'unfinished');
  if (last === undefined) return null;
  const waitMs = Math.min(policy.backoffInitialMs * 2 ** (ofPath.length - 1), policy.backoffMaxMs);
  const leftMs = last.atMs + waitMs - past.nowMs;
  if (leftMs <= 0) return null;
  const seconds = Math.ceil(leftMs / 1000);
  const because = `repaired ${times(ofPath.length)} in the last hour; the next time in ${seconds} s at the earliest`;
  return { code: 'backoff', because };
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
