import type { Configuration } from '../config/schema.ts';
import type { RetryPolicy } from '../core/jobs/retry.ts';

/** The worker's numbers; all times in milliseconds. */
export interface WorkerSettings {
  readonly name: string;
  readonly concurrency: number;
  readonly pollMs: number;
  readonly retry: RetryPolicy;
  readonly stopGraceMs: number;
  readonly stallMs: number;
  readonly minFreePercent: number;
  readonly probeTimeoutMs: number;
  readonly confirmProbes: number;
  readonly confirmIntervalMs: number;
}

/** A lease that is not renewed for this long has run out: many heartbeats must be missed, not one. */
export const leaseLengthMs = 60_000;

/** Between two renewals of a lease: progress is as fresh as this, and a cancelled crawl is told within it. */
export const heartbeatMs = 2_000;

/** Between two looks at the storage of a running crawl. */
export const storageCheckMs = 10_000;

/** Time from TERM to KILL for a crawl on dead storage: nothing it could still write would arrive. */
export const deadStorageGraceMs = 5_000;

/** After KILL a process that can end has ended; one that has not is held by the kernel, and is not waited for. */
export const afterKillMs = 5_000;

/** Between two looks at jobs whose worker vanished. */
export const staleCheckMs = 15_000;

/** How often a job is attempted, as the configuration has it. */
export function retryPolicy({ worker }: Configuration): RetryPolicy {
  return {
    maxRetries: worker.max_retries,
    backoffMs: worker.retry_backoff_seconds * 1000,
    infraCooldownMs: worker.infra_error_cooldown_seconds * 1000,
  };
}

export function workerSettings(configuration: Configuration, name: string): WorkerSettings {
  const { worker, recovery } = configuration;
  return {
    name,
    concurrency: worker.concurrency,
    pollMs: worker.poll_seconds * 1000,
    retry: retryPolicy(configuration),
    stopGraceMs: worker.stop_grace_seconds * 1000,
    stallMs: configuration.crawler.stall_seconds * 1000,
    minFreePercent: worker.min_free_percent,
    probeTimeoutMs: recovery.probe_timeout_seconds * 1000,
    confirmProbes: recovery.confirm_probes,
    confirmIntervalMs: recovery.confirm_interval_seconds * 1000,
  };
}
