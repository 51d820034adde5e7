import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../core/errors.ts';
import type { Job, Progress } from '../core/jobs/job.ts';
import type { RetryPolicy } from '../core/jobs/retry.ts';
import type { AttemptEnd, JobStore } from '../store/job-store.ts';
import type { ToldConditions } from './told-conditions.ts';
import type { ExitRecord, Judgement } from '../core/attempts/attempt-end.ts';
import type { JobEvent } from '../core/jobs/transitions.ts';

/** `recorded`; `lease_lost`: the job is somebody else's; `given_up`: the database takes nothing and we must go. */
export type Recording =
  | { readonly kind: 'recorded'; readonly job: Job }
  | { readonly kind: 'lease_lost' }
  | { readonly kind: 'given_up' };

const firstPauseMs = 250;
const longestPauseMs = 5000;

/** True for the errors of a database that is away: the work goes on, and what it was told is tried again. */
export function isDatabaseAway(error: unknown): error is Error {
  return error instanceof DatabaseUnavailableError || error instanceof DatabaseUnusableError;
}

/** Says in the database how an attempt ended, again and again until it is taken: an end is never lost to a locked database. */
export async function recordEnd(
  store: JobStore,
  ended: {
    readonly jobId: number;
    readonly token: string;
    readonly end: AttemptEnd;
    readonly worker: string;
  },
  policy: RetryPolicy,
  conditions: ToldConditions,
  mayGiveUp: () => boolean,
): Promise<Recording> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      const job = await store.finish(ended.jobId, ended.token, ended.end, ended.worker, policy, Date.now());
      conditions.end('database_takes_nothing');
      return job === null ? { kind: 'lease_lost' } : { kind: 'recorded', job };
    } catch (error) {
      // Whatever the error: what the database has not taken is told again. That the queue can be read does not end it: a locked
      // database answers readers.
      conditions.begin('database_takes_nothing', { because: String(error) });
      if (mayGiveUp()) return { kind: 'given_up' };
      await sleep(pauseMs);
    }
  }
}

/** What the store is told when an attempt has ended. */
export function attemptEnd(
  judgement: Judgement,
  record: ExitRecord | null,
  progress: Progress | null,
  options: { readonly isWorkerLost: boolean },
): AttemptEnd {
  const crawl = record?.crawl ?? null;
  const bytes = record?.archived?.warcBytes ?? crawl?.bytes ?? progress?.bytes ?? 0;
  return {
    event: eventOf(judgement, options.isWorkerLost),
    outcome: judgement.outcome,
    because: judgement.because,
    exit: record === null ? null : JSON.stringify(record.exit),
    pages: crawl?.pages ?? 0,
    errorPages: crawl?.errorPages ?? 0,
    bytes,
    progress:
      progress === null
        ? null
        : { ...progress, ...(crawl === null ? { bytes } : { ...crawl.total, urls: crawl.counts }) },
  };
}

function eventOf({ outcome, because }: Judgement, isWorkerLost: boolean): JobEvent {
  switch (outcome) {
    case 'success':
    case 'crawl_failure':
    case 'infra_error':
    case 'config_error':
    case 'source_unreachable':
    case 'cancelled':
      return { kind: outcome, because };
    case 'interrupted':
      return { kind: isWorkerLost ? 'lost' : 'interrupted', because };
  }
}
