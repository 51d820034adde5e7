/** A job store with a queue in it, and how long work on it takes. */
import { sql } from 'kysely';
import { Database } from '../src/store/database.ts';
import type { AttemptEnd } from '../src/store/job-store.ts';
import { migrate } from '../src/store/migrate.ts';
import { SourceStore } from '../src/store/source-store.ts';

export const policy = { maxRetries: 2, backoffMs: 1000, infraCooldownMs: 1000 };
export const end: AttemptEnd = {
  event: { kind: 'success', because: 'done' },
  outcome: 'success',
  because: 'done',
  exit: null,
  pages: 1,
  errorPages: 0,
  bytes: 1000,
  progress: null,
};

/** A database with that many queued jobs. */
export async function filled(url: string, jobs: number): Promise<Database> {
  const database = new Database(url, { create: true });
  await migrate(database);
  await new SourceStore(database).add(
    { code: 'hc', name: 'HC', seeds: ['https://hc.example/'], waitSeconds: 1 },
    1,
  );
  const numbers =
    database.kind === 'postgres'
      ? sql`select n from generate_series(1, ${sql.lit(jobs)}) as n`
      : sql`with recursive c(n) as (select 1 union all select n + 1 from c where n < ${sql.lit(jobs)}) select n from c`;
  await database.write(async (tx) => {
    await sql`insert into jobs (source_id, name, status, output_dir, seeds, queued_ms, created_ms)
      select 1, 'job-' || n, 'queued', '/srv/jobs/hc/' || n, '["https://hc.example/"]', n, n from (${numbers}) as numbers`.execute(
      tx,
    );
  });
  await database.read(async (db) => await sql`analyze`.execute(db));
  return database;
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}
