import { cutToLength, type Deadline } from './retry.ts';
import type { Job } from './job.ts';

/** What the order of the queue depends on. */
export type QueuePlace = Pick<Job, 'queuedAtMs' | 'createdAtMs' | 'id'>;

/** The worker's order: `queued_at` (jobs without one first), then `created_at`, then id. Negative: `a` comes first. */
export function compareQueuePlaces(a: QueuePlace, b: QueuePlace): number {
  return (
    (a.queuedAtMs ?? Number.NEGATIVE_INFINITY) - (b.queuedAtMs ?? Number.NEGATIVE_INFINITY) ||
    a.createdAtMs - b.createdAtMs ||
    a.id - b.id
  );
}

/** What decides whether a job may be attempted now, storage apart. */
export type Waiting = Pick<Job, 'status' | 'infraRetry' | 'backoff'>;

/** The later of the job's deadlines, each cut to its length; null when it waits for nothing. */
export function nextAttemptAt(job: Waiting, nowMs: number): number | null {
  const open = [job.infraRetry, job.backoff]
    .filter((deadline): deadline is Deadline => deadline !== null)
    .map((deadline) => cutToLength(deadline, nowMs).atMs);
  return open.length === 0 ? null : Math.max(...open);
}

/** A job is eligible when it is queued or retryable and each of its deadlines, cut to its length, has passed. */
export function isEligible(job: Waiting, nowMs: number): boolean {
  if (job.status !== 'queued' && job.status !== 'retryable') return false;
  const next = nextAttemptAt(job, nowMs);
  return next === null || next <= nowMs;
}
