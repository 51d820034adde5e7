import { type ColumnDefinitionBuilder, sql } from 'kysely';
import type { DatabaseKind, Writing } from '../database.ts';
import type { Migration } from './index.ts';

/** Sources, jobs, their attempts and their history. */
export const createJobs: Migration = {
  version: 1,
  name: 'create-jobs',
  oldestCode: 1,
  up: async (transaction, kind) => {
    await createSources(transaction, kind);
    await createJobsTable(transaction, kind);
    await createAttempts(transaction, kind);
    await createEvents(transaction, kind);
  },
};

const idType = (kind: DatabaseKind) => (kind === 'sqlite' ? 'integer' : 'bigint');

const identity = (kind: DatabaseKind) => (column: ColumnDefinitionBuilder) =>
  // autoincrement: the id of a removed job is never given to another one, whose files would carry the same name.
  kind === 'sqlite'
    ? column.primaryKey().autoIncrement()
    : column.primaryKey().generatedByDefaultAsIdentity();

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const zero = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(0);

async function createSources(transaction: Writing, kind: DatabaseKind): Promise<void> {
  await transaction.schema
    .createTable('sources')
    .addColumn('id', idType(kind), identity(kind))
    .addColumn('code', 'text', (column) => column.notNull().unique())
    .addColumn('name', 'text', required)
    .addColumn('seeds', 'text', required)
    .addColumn('wait_seconds', 'double precision', zero)
    .addColumn('created_ms', 'bigint', required)
    .execute();
}

async function createJobsTable(transaction: Writing, kind: DatabaseKind): Promise<void> {
  await transaction.schema
    .createTable('jobs')
    .addColumn('id', idType(kind), identity(kind))
    .addColumn('source_id', 'bigint', (column) => column.notNull().references('sources.id'))
    .addColumn('name', 'text', required)
    .addColumn('status', 'text', (column) =>
      column
        .notNull()
        .check(sql`status in ('queued', 'running', 'retryable', 'completed', 'failed', 'cancelled')`),
    )
    .addColumn('crawler_status', 'text')
    .addColumn('retry_count', 'integer', zero)
    .addColumn('output_dir', 'text', required)
    .addColumn('seeds', 'text', required)
    .addColumn('wait_seconds', 'double precision', zero)
    .addColumn('campaign_kind', 'text')
    .addColumn('campaign_year', 'integer')
    .addColumn('queued_ms', 'bigint')
    .addColumn('created_ms', 'bigint', required)
    .addColumn('started_ms', 'bigint')
    .addColumn('finished_ms', 'bigint')
    .addColumn('infra_retry_ms', 'bigint')
    .addColumn('infra_retry_length_ms', 'bigint')
    .addColumn('backoff_ms', 'bigint')
    .addColumn('backoff_length_ms', 'bigint')
    .addColumn('attempts', 'integer', zero)
    .addColumn('lost_in_a_row', 'integer', zero)
    .addColumn('last_error', 'text')
    .addColumn('parked_reason', 'text')
    .addColumn('parked_detail', 'text')
    .addColumn('parked_since_ms', 'bigint')
    .addColumn('storage_identity', 'text')
    .addColumn('stop_request', 'text')
    .addColumn('progress', 'text')
    .addColumn('lease_token', 'text')
    .addColumn('lease_worker', 'text')
    .addColumn('lease_host', 'text')
    .addColumn('lease_machine_id', 'text')
    .addColumn('lease_boot_id', 'text')
    .addColumn('lease_renewed_boot_ms', 'bigint')
    .addColumn('lease_length_ms', 'bigint')
    .addColumn('lease_expires_server_ms', 'bigint')
    .execute();
  await transaction.schema
    .createIndex('jobs_status')
    .on('jobs')
    .columns(['status', 'queued_ms', 'created_ms', 'id'])
    .execute();
}

async function createAttempts(transaction: Writing, kind: DatabaseKind): Promise<void> {
  await transaction.schema
    .createTable('attempts')
    .addColumn('id', idType(kind), identity(kind))
    .addColumn('job_id', 'bigint', (column) => column.notNull().references('jobs.id'))
    .addColumn('number', 'integer', required)
    .addColumn('worker', 'text', required)
    .addColumn('host', 'text', required)
    .addColumn('crawler', 'text', required)
    .addColumn('started_ms', 'bigint', required)
    .addColumn('finished_ms', 'bigint')
    .addColumn('outcome', 'text')
    .addColumn('because', 'text')
    .addColumn('exit', 'text')
    .addColumn('pages', 'integer', zero)
    .addColumn('error_pages', 'integer', zero)
    .addColumn('bytes', 'bigint', zero)
    .addUniqueConstraint('attempts_job_number', ['job_id', 'number'])
    .execute();
}

async function createEvents(transaction: Writing, kind: DatabaseKind): Promise<void> {
  await transaction.schema
    .createTable('job_events')
    .addColumn('id', idType(kind), identity(kind))
    .addColumn('job_id', 'bigint', (column) => column.notNull().references('jobs.id'))
    .addColumn('at_ms', 'bigint', required)
    .addColumn('actor', 'text', required)
    .addColumn('kind', 'text', required)
    .addColumn('because', 'text', required)
    .execute();
  await transaction.schema.createIndex('job_events_job').on('job_events').columns(['job_id', 'id']).execute();
}
