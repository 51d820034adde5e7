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
