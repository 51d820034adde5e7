/**
 * What the job store costs, and how that grows:
 *
 *     node_modules/.bin/node bench/store.ts [ROUNDS]        default 200
 *
 * The next job with 1,000, 10,000 and 100,000 waiting; and a claim with its end beside a raw loop that writes the same rows in two
 * transactions, in turn, on the same file. SQLite with full synchronisation; PostgreSQL too, where its server programs are installed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { Database } from '../src/store/database.ts';
import { JobStore, type AttemptEnd } from '../src/store/job-store.ts';
import { migrate } from '../src/store/migrate.ts';
import { SourceStore } from '../src/store/source-store.ts';
import { postgresBinaries, PostgresCluster } from '../test/store/databases.ts';
import { table } from './table.ts';
import { testLease } from '../test/store/test-lease.ts';

const rounds = Number(process.argv[2] ?? 200);
const sizes = [1000, 10_000, 100_000];
const policy = { maxRetries: 2, backoffMs: 1000, infraCooldownMs: 1000 };
const end: AttemptEnd = {
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
async function filled(url: string, jobs: number): Promise<Database> {
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

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

async function nextJob(urlOf: (name: string) => string): Promise<void> {
  const rows = [];
  for (const size of sizes) {
    const database = await filled(urlOf(`next_${size}`), size);
    const store = new JobStore(database);
    const seconds: number[] = [];
    for (let round = 0; round < rounds + 20; round += 1)
      seconds.push(await secondsOf(async () => await store.next({ eligibleAtMs: Date.now(), limit: 1 })));
    rows.push({ what: `next of ${size.toLocaleString('en')} waiting`, seconds: seconds.slice(20) });
    await database.close();
  }
  console.log(table(rows).join('\n'));
}

/** Claims and ends job after job. */
async function attempts(database: Database, firstId: number): Promise<(id: number) => Promise<unknown>> {
  const store = new JobStore(database);
  await store.find(firstId);
  return async (id) => {
    await store.claim(id, testLease(`t${id}`), 'http', policy, Date.now());
    if ((await store.finish(id, `t${id}`, end, 'w', policy, Date.now())) === null)
      throw new Error(`job ${id}`);
  };
}

/** The same rows by hand, with statements that are prepared once. */
function rawLoop(file: string): (id: number) => void {
  const raw = new DatabaseSync(file);
  raw.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on');
  const read = raw.prepare('select * from jobs where id = ?');
  const claim = raw.prepare(
    `update jobs set status = 'running', started_ms = ?, attempts = 1, lease_token = ?, lease_worker = 'w', lease_host = 'h',
       lease_machine_id = 'm', lease_boot_id = 'b', lease_renewed_boot_ms = 1, lease_length_ms = 60000 where id = ?`,
  );
  const attempt = raw.prepare(
    `insert into attempts (job_id, number, worker, host, crawler, started_ms) values (?, 1, 'w', 'h', 'http', ?)`,
  );
  const event = raw.prepare(
    'insert into job_events (job_id, at_ms, actor, kind, because) values (?, ?, ?, ?, ?)',
  );
  const finish = raw.prepare(
    `update jobs set status = 'completed', crawler_status = 'success', finished_ms = ?, lease_token = null, lease_worker = null,
       lease_host = null, lease_machine_id = null, lease_boot_id = null, lease_renewed_boot_ms = null, lease_length_ms = null where id = ?`,
  );
  const ended = raw.prepare(
    `update attempts set finished_ms = ?, outcome = 'success', because = 'done', pages = 1, bytes = 1000 where job_id = ? and number = 1`,
  );
  return (id) => {
    const now = Date.now();
    raw.exec('begin immediate');
    read.get(id);
    claim.run(now, `t${id}`, id);
    attempt.run(id, now);
    event.run(id, now, 'w', 'claim', `attempt ${id}-001`);
    raw.exec('commit');
    raw.exec('begin immediate');
    read.get(id);
    finish.run(now, id);
    ended.run(now, id);
    event.run(id, now, 'w', 'success', 'done');
    raw.exec('commit');
  };
}

async function besideRawLoop(file: string): Promise<void> {
  const database = await filled(`sqlite:${file}`, 10_000);
  const ours = await attempts(database, 1);
  const theirs = rawLoop(file);
  const raw: number[] = [];
  const store: number[] = [];
  for (let id = 1; id <= 2 * (rounds + 20); id += 2) {
    raw.push(
      await secondsOf(() => {
        theirs(id);
        return Promise.resolve();
      }),
    );
    store.push(await secondsOf(async () => await ours(id + 1)));
  }
  console.log(
    table([
      { what: 'claim and end, raw loop', seconds: raw.slice(20) },
      { what: 'claim and end, job store', seconds: store.slice(20) },
    ]).join('\n'),
  );
  await database.close();
}

async function onPostgres(url: string): Promise<void> {
  const database = await filled(url, 10_000);
  const attempt = await attempts(database, 1);
  const seconds: number[] = [];
  for (let id = 1; id <= rounds + 20; id += 1) seconds.push(await secondsOf(async () => await attempt(id)));
  console.log(table([{ what: 'claim and end', seconds: seconds.slice(20) }]).join('\n'));
  await database.close();
}

const folder = mkdtempSync(join(tmpdir(), 'healtharchive-bench-'));
try {
  console.log(`${cpus().length} cores, ${cpus()[0]?.model ?? ''}; ${rounds} rounds\n\nSQLite`);
  await nextJob((name) => `sqlite:${join(folder, name)}.db`);
  console.log();
  await besideRawLoop(join(folder, 'attempts.db'));
  const binaries = postgresBinaries();
  if (binaries !== null) {
    const cluster = new PostgresCluster(binaries);
    try {
      await cluster.start();
      const urlOf = (name: string) => {
        cluster.createDatabase(name);
        return cluster.url(name);
      };
      console.log('\nPostgreSQL (fsync off)');
      await nextJob(urlOf);
      console.log();
      await onPostgres(urlOf('attempts'));
    } finally {
      await cluster.stop();
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
