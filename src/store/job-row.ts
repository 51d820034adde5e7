import type { Deadline } from '../core/jobs/retry.ts';
import type { CrawlerStatus, Job, JobStatus, Parked, Progress, StopRequest } from '../core/jobs/job.ts';
import type { Lease } from '../core/jobs/lease.ts';
import type { JobChange } from '../core/jobs/transitions.ts';
import type { MountIdentity } from '../core/storage/mountinfo.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import type { Reading } from './database.ts';
import type { JobRow } from './tables.ts';

/*
 * Between rows and jobs. Text columns hold what this code wrote (the tables check the statuses), so they are taken at
 * their word.
 */

function deadline(atMs: number | null, lengthMs: number | null): Deadline | null {
  return atMs === null || lengthMs === null ? null : { atMs, lengthMs };
}

function parked(row: JobRow): Parked | null {
  if (row.parked_reason === null || row.parked_since_ms === null) return null;
  return {
    reason: row.parked_reason as StorageState,
    detail: row.parked_detail ?? '',
    sinceMs: row.parked_since_ms,
  };
}

function lease(row: JobRow): Lease | null {
  if (row.lease_token === null) return null;
  return {
    token: row.lease_token,
    worker: row.lease_worker ?? '',
    host: row.lease_host ?? '',
    machineId: row.lease_machine_id ?? '',
    bootId: row.lease_boot_id ?? '',
    renewedBootMs: row.lease_renewed_boot_ms ?? 0,
    lengthMs: row.lease_length_ms ?? 0,
    expiresAtServerMs: row.lease_expires_server_ms,
  };
}

/** All, by name: a plan that PostgreSQL keeps fails once `*` stands for another column (a migration beside running workers). */
const jobColumns = Object.keys({
  id: true,
  source_id: true,
  name: true,
  status: true,
  crawler_status: true,
  retry_count: true,
  output_dir: true,
  seeds: true,
  wait_seconds: true,
  campaign_kind: true,
  campaign_year: true,
  queued_ms: true,
  created_ms: true,
  started_ms: true,
  finished_ms: true,
  infra_retry_ms: true,
  infra_retry_length_ms: true,
  backoff_ms: true,
  backoff_length_ms: true,
  attempts: true,
  unreachable_in_a_row: true,
  lost_in_a_row: true,
  last_error: true,
  parked_reason: true,
  parked_detail: true,
  parked_since_ms: true,
  storage_identity: true,
  stop_request: true,
  progress: true,
  lease_token: true,
  lease_worker: true,
  lease_host: true,
  lease_machine_id: true,
  lease_boot_id: true,
  lease_renewed_boot_ms: true,
  lease_length_ms: true,
  lease_expires_server_ms: true,
} satisfies Record<keyof JobRow, true>).map((name) => `jobs.${name as keyof JobRow}` as const);

/** Jobs with what else belongs to each: their source's code, and what their attempts have archived. */
export function selectJobs(db: Reading) {
  return db
    .selectFrom('jobs')
    .innerJoin('sources', 'sources.id', 'jobs.source_id')
    .select(jobColumns)
    .select((eb) => [
      'sources.code as source',
      eb
        .selectFrom('attempts')
        .whereRef('attempts.job_id', '=', 'jobs.id')
        .select(({ fn }) => fn.max('attempts.bytes').as('bytes'))
        .as('most_archived_bytes'),
    ]);
}

export type FullJobRow = JobRow & { source: string; most_archived_bytes: number | null };

export function storageIdentityFromText(text: string | null): MountIdentity | null {
  return text === null ? null : (JSON.parse(text) as MountIdentity);
}

/** The job that a row holds. */
export function jobFromRow(row: FullJobRow): Job {
  return {
    id: row.id,
    source: row.source,
    name: row.name,
    status: row.status as JobStatus,
    crawlerStatus: row.crawler_status as CrawlerStatus | null,
    retryCount: row.retry_count,
    outputDir: row.output_dir,
    seeds: JSON.parse(row.seeds) as string[],
    waitSeconds: row.wait_seconds,
    campaignKind: row.campaign_kind as 'annual' | null,
    campaignYear: row.campaign_year,
    queuedAtMs: row.queued_ms,
    createdAtMs: row.created_ms,
    startedAtMs: row.started_ms,
    finishedAtMs: row.finished_ms,
    infraRetry: deadline(row.infra_retry_ms, row.infra_retry_length_ms),
    backoff: deadline(row.backoff_ms, row.backoff_length_ms),
    attempts: row.attempts,
    lostInARow: row.lost_in_a_row,
    unreachableInARow: row.unreachable_in_a_row,
    lastError: row.last_error,
    parked: parked(row),
    storageIdentity: storageIdentityFromText(row.storage_identity),
    mostArchivedBytes: row.most_archived_bytes ?? 0,
    lease: lease(row),
    stopRequest: row.stop_request as StopRequest | null,
    progress:
      row.progress === null ? null : { urls: null, ...(JSON.parse(row.progress) as Omit<Progress, 'urls'>) },
  };
}

/** The columns that a transition changes. */
export function changeToRow(change: JobChange): Partial<JobRow> {
  return {
    status: change.status,
    crawler_status: change.crawlerStatus,
    retry_count: change.retryCount,
    infra_retry_ms: change.infraRetry?.atMs ?? null,
    infra_retry_length_ms: change.infraRetry?.lengthMs ?? null,
    backoff_ms: change.backoff?.atMs ?? null,
    backoff_length_ms: change.backoff?.lengthMs ?? null,
    lost_in_a_row: change.lostInARow,
    unreachable_in_a_row: change.unreachableInARow,
    last_error: change.lastError,
    queued_ms: change.queuedAtMs,
    started_ms: change.startedAtMs,
    finished_ms: change.finishedAtMs,
  };
}

export function leaseToRow(given: Lease): Partial<JobRow> {
  return {
    lease_token: given.token,
    lease_worker: given.worker,
    lease_host: given.host,
    lease_machine_id: given.machineId,
    lease_boot_id: given.bootId,
    lease_renewed_boot_ms: given.renewedBootMs,
    lease_length_ms: given.lengthMs,
    lease_expires_server_ms: given.expiresAtServerMs,
  };
}

/** What a job that is not running has instead of a lease, a stop request and a parked mark. */
export const withoutLease = {
  lease_token: null,
  lease_worker: null,
  lease_host: null,
  lease_machine_id: null,
  lease_boot_id: null,
  lease_renewed_boot_ms: null,
  lease_length_ms: null,
  lease_expires_server_ms: null,
  stop_request: null,
} as const satisfies Partial<JobRow>;

export const withoutParking = {
  parked_reason: null,
  parked_detail: null,
  parked_since_ms: null,
} as const satisfies Partial<JobRow>;
