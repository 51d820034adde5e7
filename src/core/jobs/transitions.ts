/*
 * The life of a job.
 *
 *   queued      waits for its first attempt (or was put back by a person).
 *                 -> running by claim, -> cancelled by cancel
 *   running     one attempt is at work, under a worker's lease.
 *                 -> completed by success
 *                 -> retryable by crawl_failure (within the retry budget), infra_error, interrupted, source_unreachable, lost
 *                 -> failed by crawl_failure (budget used up) or config_error
 *                 -> cancelled by cancelled
 *   retryable   was attempted and waits for the next attempt, perhaps for a deadline.
 *                 -> running by claim, -> cancelled by cancel; retry drops its deadlines
 *   completed   archived.      -> queued by retry: it is crawled once more
 *   failed      given up.    -> queued by retry
 *   cancelled   by a person. -> queued by retry
 *
 * Parking (unhealthy storage) is no state: a parked job stays queued or retryable.
 */
import {
  backoffAfter,
  deadlineIn,
  lostAttemptsWithoutBackoff,
  pauseForSource,
  type RetryPolicy,
} from './retry.ts';
import type { CrawlerStatus, Job, JobStatus } from './job.ts';

export type JobEvent =
  | { readonly kind: 'claim' }
  | { readonly kind: 'success'; readonly because: string }
  | { readonly kind: 'crawl_failure'; readonly because: string }
  | { readonly kind: 'infra_error'; readonly because: string }
  | { readonly kind: 'config_error'; readonly because: string }
  /** The worker ended the attempt to stop itself. */
  | { readonly kind: 'interrupted'; readonly because: string }
  | { readonly kind: 'source_unreachable'; readonly because: string }
  /** The worker died under the attempt. */
  | { readonly kind: 'lost'; readonly because: string }
  | { readonly kind: 'cancelled'; readonly because: string }
  /** A person's wishes. */
  | { readonly kind: 'cancel' }
  | { readonly kind: 'retry' };

export type JobEventKind = JobEvent['kind'];

/** The fields of a job that events change. */
export type JobChange = Pick<
  Job,
  | 'status'
  | 'crawlerStatus'
  | 'retryCount'
  | 'infraRetry'
  | 'backoff'
  | 'lostInARow'
  | 'unreachableInARow'
  | 'lastError'
  | 'queuedAtMs'
  | 'startedAtMs'
  | 'finishedAtMs'
>;

const legalFrom: Record<JobEventKind, readonly JobStatus[]> = {
  claim: ['queued', 'retryable'],
  success: ['running'],
  crawl_failure: ['running'],
  infra_error: ['running'],
  config_error: ['running'],
  interrupted: ['running'],
  source_unreachable: ['running'],
  lost: ['running'],
  cancelled: ['running'],
  cancel: ['queued', 'retryable'],
  retry: ['completed', 'failed', 'cancelled', 'retryable'],
};

export function isLegal(status: JobStatus, event: JobEventKind): boolean {
  return legalFrom[event].includes(status);
}

/**
 * What an event makes of a job.
 * @throws Error when the event is not legal in the job's state: callers ask isLegal first
 */
export function transition(job: JobChange, event: JobEvent, policy: RetryPolicy, nowMs: number): JobChange {
  if (!isLegal(job.status, event.kind))
    throw new Error(`a job that is ${job.status} can't take ${event.kind}`);
  switch (event.kind) {
    case 'claim':
      return {
        ...job,
        status: 'running',
        infraRetry: null,
        backoff: null,
        startedAtMs: nowMs,
        finishedAtMs: null,
      };
    case 'success':
      return { ...ended(job, 'completed', 'success', nowMs), lastError: null };
    case 'crawl_failure':
      return crawlFailure(job, event.because, policy, nowMs);
    case 'infra_error':
      return {
        ...ended(job, 'retryable', 'infra_error', nowMs),
        lastError: event.because,
        infraRetry: deadlineIn(policy.infraCooldownMs, nowMs),
      };
    case 'config_error':
      return { ...ended(job, 'failed', 'config_error', nowMs), lastError: event.because };
    case 'interrupted':
      return { ...ended(job, 'retryable', 'interrupted', nowMs), lastError: event.because };
    case 'source_unreachable':
      return unreachable(job, event.because, policy, nowMs);
    case 'lost':
      return lost(job, event.because, policy, nowMs);
    case 'cancelled':
      return { ...ended(job, 'cancelled', 'interrupted', nowMs), lastError: event.because };
    case 'cancel':
      return { ...job, status: 'cancelled', infraRetry: null, backoff: null, finishedAtMs: nowMs };
    case 'retry':
      return retry(job, nowMs);
  }
}

/** The change common to all ends of an attempt: it had a worker that saw it end. */
function ended(job: JobChange, status: JobStatus, crawlerStatus: CrawlerStatus, nowMs: number): JobChange {
  const isFinal = status !== 'retryable';
  // What was interrupted has said nothing of the source.
  const unreachableInARow = crawlerStatus === 'interrupted' && !isFinal ? job.unreachableInARow : 0;
  return {
    ...job,
    status,
    crawlerStatus,
    lostInARow: 0,
    unreachableInARow,
    finishedAtMs: isFinal ? nowMs : null,
  };
}

function crawlFailure(job: JobChange, because: string, policy: RetryPolicy, nowMs: number): JobChange {
  if (job.retryCount >= policy.maxRetries) {
    return { ...ended(job, 'failed', 'failed', nowMs), lastError: because };
  }
  const retryCount = job.retryCount + 1;
  return {
    ...ended(job, 'retryable', 'failed', nowMs),
    lastError: because,
    retryCount,
    backoff: deadlineIn(backoffAfter(retryCount, policy), nowMs),
  };
}

function unreachable(job: JobChange, because: string, policy: RetryPolicy, nowMs: number): JobChange {
  const unreachableInARow = job.unreachableInARow + 1;
  return {
    ...ended(job, 'retryable', 'source_unreachable', nowMs),
    lastError: because,
    unreachableInARow,
    backoff: deadlineIn(pauseForSource(unreachableInARow, policy), nowMs),
  };
}

function lost(job: JobChange, because: string, policy: RetryPolicy, nowMs: number): JobChange {
  const lostInARow = job.lostInARow + 1;
  const excess = lostInARow - lostAttemptsWithoutBackoff;
  return {
    ...ended(job, 'retryable', 'interrupted', nowMs),
    lostInARow,
    lastError: because,
    backoff: excess > 0 ? deadlineIn(backoffAfter(excess, policy), nowMs) : null,
  };
}

function retry(job: JobChange, nowMs: number): JobChange {
  const cleared = {
    ...job,
    infraRetry: null,
    backoff: null,
    lostInARow: 0,
    unreachableInARow: 0,
    finishedAtMs: null,
  };
  if (job.status === 'retryable') return cleared;
  return { ...cleared, status: 'queued', retryCount: 0, queuedAtMs: nowMs, startedAtMs: null };
}
