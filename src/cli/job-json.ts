import type { Job } from '../core/jobs/job.ts';
import { nextAttemptAt } from '../core/jobs/selection.ts';
import { cutToLength } from '../core/jobs/retry.ts';
import type { AttemptRow, EventRow } from '../store/tables.ts';

/** ISO 8601 in UTC, or null. */
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** A job as the JSON contract has it. */
export function jobJson(job: Job, nowMs: number): Record<string, unknown> {
  const infraRetryMs = job.infraRetry === null ? null : cutToLength(job.infraRetry, nowMs).atMs;
  return {
    id: job.id,
    source: job.source,
    name: job.name,
    status: job.status,
    crawler_status: job.crawlerStatus,
    retry_count: job.retryCount,
    output_dir: job.outputDir,
    seeds: job.seeds,
    wait_seconds: job.waitSeconds,
    campaign_kind: job.campaignKind,
    campaign_year: job.campaignYear,
    queued_at: isoTime(job.queuedAtMs),
    created_at: isoTime(job.createdAtMs),
    started_at: isoTime(job.startedAtMs),
    finished_at: isoTime(job.finishedAtMs),
    infra_error_next_attempt_utc: isoTime(infraRetryMs),
    next_attempt_at: isoTime(nextAttemptAt(job, nowMs)),
    attempts: job.attempts,
    last_error: job.lastError,
    parked:
      job.parked === null
        ? null
        : { reason: job.parked.reason, since: isoTime(job.parked.sinceMs), detail: job.parked.detail },
    config: { infra_error_next_attempt_utc: isoTime(infraRetryMs) },
    storage_identity: job.storageIdentity,
    most_archived_bytes: job.mostArchivedBytes,
    progress:
      job.progress === null
        ? null
        : {
            pages: job.progress.pages,
            bytes: job.progress.bytes,
            current_url: job.progress.currentUrl,
            bytes_per_second: job.progress.bytesPerSecond,
            urls: job.progress.urls,
          },
    worker: job.lease === null ? null : { name: job.lease.worker, host: job.lease.host },
    stop_requested: job.stopRequest,
  };
}

/** An attempt of `jobs show`. */
export function attemptJson(attempt: AttemptRow): Record<string, unknown> {
  return {
    number: attempt.number,
    worker: attempt.worker,
    host: attempt.host,
    crawler: attempt.crawler,
    started_at: isoTime(attempt.started_ms),
    finished_at: isoTime(attempt.finished_ms),
    outcome: attempt.outcome,
    because: attempt.because,
    exit: attempt.exit === null ? null : (JSON.parse(attempt.exit) as unknown),
    pages: attempt.pages,
    error_pages: attempt.error_pages,
    bytes: attempt.bytes,
  };
}

/** An entry of a job's history. */
export function eventJson(event: EventRow): Record<string, unknown> {
  return { at: isoTime(event.at_ms), actor: event.actor, kind: event.kind, because: event.because };
}
