/** Numbers that bound how often a job is attempted. */
export interface RetryPolicy {
  /** Further attempts after the first crawl failure. */
  readonly maxRetries: number;
  readonly backoffMs: number;
  readonly infraCooldownMs: number;
}

/** The longest wait between two attempts after crawl failures (configuration contract). */
export const backoffCeilingMs = 3600_000;

/**
 * How many workers may die under a job in a row before it waits. A restart of the machine or of the service must not
 * cost a job its turn; a crawl that takes its worker down every time must not be tried in a loop.
 */
export const lostAttemptsWithoutBackoff = 3;

/** The longest pause before a source that could not be reached is tried again. */
const sourcePauseCeilingMs = 6 * 3600_000;

/** Pause after the `attempts`-th attempt in a row that could not reach the source: as a backoff, but up to six hours. */
export function pauseForSource(attempts: number, policy: RetryPolicy): number {
  return doubled(attempts, policy, sourcePauseCeilingMs);
}

/** Wait after the `failures`-th failure in a row (1 = the first): the backoff, doubled each time, up to one hour. */
export function backoffAfter(failures: number, policy: RetryPolicy): number {
  return doubled(failures, policy, backoffCeilingMs);
}

function doubled(times: number, { backoffMs }: RetryPolicy, ceilingMs: number): number {
  return Math.min(backoffMs * 2 ** Math.min(times - 1, 30), Math.max(ceilingMs, backoffMs));
}

/**
 * A point in the future, stored with its length so that a clock that was stepped back can't keep a job parked for a day:
 * a deadline that lies further away than its length is cut to it. Times are milliseconds since the Unix epoch.
 */
export interface Deadline {
  readonly atMs: number;
  readonly lengthMs: number;
}

export function deadlineIn(lengthMs: number, nowMs: number): Deadline {
  return { atMs: nowMs + lengthMs, lengthMs };
}

/** The deadline as it must be stored from now on: cut when the clock was stepped back since it was made. */
export function cutToLength(deadline: Deadline, nowMs: number): Deadline {
  const latestMs = nowMs + deadline.lengthMs;
  return deadline.atMs > latestMs ? { ...deadline, atMs: latestMs } : deadline;
}
