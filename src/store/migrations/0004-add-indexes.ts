import { sql } from 'kysely';
import type { DatabaseKind, Writing } from '../database.ts';
import type { Migration } from './index.ts';

/** For what is asked again and again of a database with a million jobs: none of it may read them all. */
export const addIndexes: Migration = {
  version: 4,
  name: 'add-indexes',
  oldestCode: 1,
  up: async (transaction, kind) => {
    for (const [name, on] of indexes(kind)) await create(transaction, name, on);
  },
};

function indexes(kind: DatabaseKind): (readonly [name: string, on: string])[] {
  // SQLite has nulls first without being told, and compares text by its bytes; PostgreSQL has nulls last, and a language's order.
  const isPostgres = kind === 'postgres';
  const bytewise = isPostgres ? ' collate "C"' : '';
  return [
    // SQLite's is that of the first migration.
    ...(isPostgres ? [['jobs_queue', 'jobs (status, queued_ms nulls first, created_ms, id)'] as const] : []),
    ['jobs_name', 'jobs (name)'],
    ['jobs_output_dir', `jobs (output_dir${bytewise})`],
    ['jobs_source', 'jobs (source_id, id)'],
    ['jobs_campaign', 'jobs (campaign_year) where campaign_year is not null'],
    ['jobs_infra_retry', 'jobs (infra_retry_ms) where infra_retry_ms is not null'],
    ['jobs_backoff', 'jobs (backoff_ms) where backoff_ms is not null'],
    ['attempts_outcome', 'attempts (outcome, finished_ms)'],
  ];
}

async function create(transaction: Writing, name: string, on: string): Promise<void> {
  await sql`create index ${sql.id(name)} on ${sql.raw(on)}`.execute(transaction);
}
