import { dayMs, hourMs, recoveriesWithin, type RecoveryHistory } from './history.ts';
import type { RecoveryPolicy } from './recovery-plan.ts';

export interface Limit {
  readonly code: 'backoff' | 'capped_hour' | 'capped_day' | 'capped_job';
  readonly because: string;
}

/** What holds back every recovery now; null if nothing does. */
export function generalLimit(history: RecoveryHistory, policy: RecoveryPolicy, nowMs: number): Limit | null {
  const lastHour = recoveriesWithin(history, hourMs, nowMs).length;
  if (lastHour >= policy.maxPerHour) {
    return {
      code: 'capped_hour',
      because: `${lastHour} recoveries in the last hour; ${policy.maxPerHour} are allowed`,
    };
  }
  const lastDay = recoveriesWithin(history, dayMs, nowMs).length;
  if (lastDay >= policy.maxPerDay) {
    return {
      code: 'capped_day',
      because: `${lastDay} recoveries in the last day; ${policy.maxPerDay} are allowed`,
    };
  }
  return null;
}

/** What holds back the repair of one mount: how often that was repaired, or a job that needs it. */
export function limitOf(
  target: { readonly path: string; readonly jobs: readonly number[] },
  history: RecoveryHistory,
  policy: RecoveryPolicy,
  nowMs: number,
): Limit | null {
  const ofToday = recoveriesWithin(history, dayMs, nowMs);
  for (const job of target.jobs) {
    const count = ofToday.filter(({ jobs }) => jobs.includes(job)).length;
    if (count >= policy.maxPerJobPerDay) {
      const because = `${count} recoveries for job ${job} in the last day; ${policy.maxPerJobPerDay} are allowed`;
      return { code: 'capped_job', because };
    }
  }
  const ofPath = recoveriesWithin(history, hourMs, nowMs).filter(
    ({ paths }) => paths === null || paths.includes(target.path),
  );
  // One that was killed counts, and doubles the next wait; but what it left half done is not left to wait.
  const last = ofPath.findLast(({ outcome }) => outcome !== 'unfinished');
  if (last === undefined) return null;
  const waitMs = Math.min(policy.backoffInitialMs * 2 ** (ofPath.length - 1), policy.backoffMaxMs);
  const leftMs = Math.min(last.atMs, nowMs) + waitMs - nowMs;
  if (leftMs <= 0) return null;
  const seconds = Math.ceil(leftMs / 1000);
  return {
    code: 'backoff',
    because: `repaired ${times(ofPath.length)} in the last hour; the next time in ${seconds} s at the earliest`,
  };
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
