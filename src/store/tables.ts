import type { Generated, Selectable } from 'kysely';

/*
 * The tables as both databases hold them. Times are milliseconds since the Unix epoch (`_ms`), lists and objects are
 * JSON text: one schema, one set of statements.
 */

export interface SourcesTable {
  id: Generated<number>;
  code: string;
  name: string;
  seeds: string;
  wait_seconds: number;
  created_ms: number;
  removed_ms: number | null;
}

export interface JobsTable {
  id: Generated<number>;
  source_id: number;
  name: string;
  status: string;
  crawler_status: string | null;
  retry_count: number;
  output_dir: string;
  seeds: string;
  wait_seconds: number;
  campaign_kind: string | null;
  campaign_year: number | null;
  queued_ms: number | null;
  created_ms: number;
  started_ms: number | null;
  finished_ms: number | null;
  infra_retry_ms: number | null;
  infra_retry_length_ms: number | null;
  backoff_ms: number | null;
  backoff_length_ms: number | null;
  attempts: number;
  unreachable_in_a_row: Generated<number>;
  lost_in_a_row: number;
  last_error: string | null;
  parked_reason: string | null;
  parked_detail: string | null;
  parked_since_ms: number | null;
  storage_identity: string | null;
  stop_request: string | null;
  progress: string | null;
  lease_token: string | null;
  lease_worker: string | null;
  lease_host: string | null;
  lease_machine_id: string | null;
  lease_boot_id: string | null;
  lease_renewed_boot_ms: number | null;
  lease_length_ms: number | null;
  lease_expires_server_ms: number | null;
}

export interface AttemptsTable {
  id: Generated<number>;
  job_id: number;
  number: number;
  worker: string;
  host: string;
  crawler: string;
  started_ms: number;
  finished_ms: number | null;
  outcome: string | null;
  because: string | null;
  exit: string | null;
  pages: number;
  error_pages: number;
  bytes: number;
}

export interface EventsTable {
  id: Generated<number>;
  job_id: number;
  at_ms: number;
  actor: string;
  kind: string;
  because: string;
}

export interface SchemaStateTable {
  version: number;
  oldest_code: number;
}

export interface Schema {
  sources: SourcesTable;
  jobs: JobsTable;
  attempts: AttemptsTable;
  job_events: EventsTable;
  schema_state: SchemaStateTable;
}

export type JobRow = Selectable<JobsTable>;
export type AttemptRow = Selectable<AttemptsTable>;
export type EventRow = Selectable<EventsTable>;
export type SourceRow = Selectable<SourcesTable>;
