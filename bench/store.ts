/**
 * What the job store costs, and how that grows:
 *
 *     node_modules/.bin/node bench/store.ts [ROUNDS]        default 200
 *
 * The next job with 1,000, 10,000 and 100,000 waiting; and a claim with its end beside a raw loop that writes the same rows in two
 * transactions, in turn, each on a file of its own. SQLite with full synchronisation; the first on PostgreSQL too, where its server
 * programs are installed (claim and end there, beside other queues: queues.ts).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Database } from '../src/store/database.ts';
import { JobStore } from '../src/store/job-store.ts';
import { postgresBinaries, PostgresCluster } from '../test/store/databases.ts';
import { testLease } from '../test/store/test-attempt.ts';
import { end, filled, policy, secondsOf } from './filled-store.ts';
import { table } from './table.ts';

const rounds = Number(process.argv[2] ?? 200);
const sizes = [1000, 10_000, 100_000];

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

async function besideRawLoop(fileOf: (name: string) => string): Promise<void> {
  const database = await filled(`sqlite:${fileOf('ours')}`, 10_000);
  const ours = await attempts(database, 1);
  await (await filled(`sqlite:${fileOf('raw')}`, 10_000)).close();
  const theirs = rawLoop(fileOf('raw'));
  const raw: number[] = [];
  const store: number[] = [];
  for (let id = 1; id <= rounds + 20; id += 1) {
    raw.push(
      await secondsOf(() => {
        theirs(id);
        return Promise.resolve();
      }),
    );
    store.push(await secondsOf(async () => await ours(id)));
  }
  console.log(
    table([
      { what: 'claim and end, raw loop', seconds: raw.slice(20) },
      { what: 'claim and end, job store', seconds: store.slice(20) },
    ]).join('\n'),
  );
  await database.close();
}

const folder = mkdtempSync(join(tmpdir(), 'healtharchive-bench-'));
try {
  console.log(`${cpus().length} cores, ${cpus()[0]?.model ?? ''}; ${rounds} rounds\n\nSQLite`);
  await nextJob((name) => `sqlite:${join(folder, name)}.db`);
  console.log();
  await besideRawLoop((name) => join(folder, `${name}.db`));
  const binaries = postgresBinaries();
  if (binaries !== null) {
    const cluster = new PostgresCluster(binaries);
    try {
      await cluster.start();
      console.log('\nPostgreSQL (fsync off)');
      await nextJob((name) => cluster.createDatabase(name));
    } finally {
      await cluster.stop();
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
