/** The original's tables as SQLAlchemy makes them, on both databases, taken over into both. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { parseConfiguration } from '../../src/config/load.ts';
import { OperatorError, RefusedError, UsageError } from '../../src/core/errors.ts';
import { planTakeOver, sourcesAndJobs } from '../../src/legacy/plan-take-over.ts';
import { readLegacy } from '../../src/legacy/read-legacy.ts';
import type { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { takeOver } from '../../src/store/take-over.ts';
import { describeOnBothDatabases } from './databases.ts';
import { annual, statementsOfOriginal } from './original.ts';

const folder = mkdtempSync(join(tmpdir(), 'healtharchive-take-over-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});
const root = join(folder, 'jobs');
const configuration = parseConfiguration(
  `[paths]\njobs_root = "${root}"\nstate_dir = "${folder}/ops"\nsentinel_dir = "${folder}"\n[storagebox]\nmount = ""\ncold_root = ""\n`,
  'test.toml',
);

async function sqliteOriginal(): Promise<string> {
  const file = join(folder, 'original.db');
  rmSync(file, { force: true });
  const database = new DatabaseSync(file);
  for (const statement of statementsOfOriginal('sqlite', root)) database.exec(statement);
  database.close();
  return Promise.resolve(`sqlite:///${file}`);
}

describeOnBothDatabases('the way over from the original', (makeDatabase) => {
  /** The original's database is of the same kind as ours. */
  async function original(): Promise<{ url: string; database: Database }> {
    const { database } = await makeDatabase();
    if (database.kind === 'sqlite') return { url: await sqliteOriginal(), database };
    const { url: theirs } = await makeDatabase();
    const client = new pg.Client({ connectionString: theirs });
    await client.connect();
    await client.query('drop schema public cascade; create schema public');
    for (const statement of statementsOfOriginal('postgres', root)) await client.query(statement);
    await client.end();
    // As SQLAlchemy writes it.
    return { url: theirs.replace(/^postgres(?:ql)?:/, 'postgresql+psycopg:'), database };
  }

  async function carryOut(url: string, database: Database, isWorkerStopped: boolean) {
    const plan = await planTakeOver(await readLegacy(url), database, configuration, { isWorkerStopped });
    const { sources, jobs } = sourcesAndJobs(plan.steps);
    await takeOver(database, sources, jobs, 'tester', 1_800_000_000_000);
    return plan;
  }

  test('sources and jobs as they are, with their ids, archives and history; again: nothing', async () => {
    const { url, database } = await original();
    const plan = await carryOut(url, database, false);
    const store = new JobStore(database);
    const jobs = await store.list();
    assert.deepEqual(
      jobs.map(({ id, source, name, status, crawlerStatus, attempts }) => [
        id,
        source,
        name,
        status,
        crawlerStatus,
        attempts,
      ]),
      [
        [3, 'hc', 'hc-20250101', 'completed', 'success', 1],
        [6, 'hc', 'hc-20260101', 'retryable', 'infra_error', 1],
        [7, 'phac', 'phac-20250101', 'completed', 'success', 1],
      ],
    );
    const [done, waiting] = jobs;
    assert.equal(done?.finishedAtMs, Date.parse('2026-01-24T10:00:00.123Z'));
    assert.equal(done.mostArchivedBytes, 5_000_000_000);
    assert.deepEqual(
      [waiting?.campaignKind, waiting?.campaignYear, waiting?.retryCount],
      ['annual', 2026, 1],
    );
    assert.deepEqual(waiting?.seeds, annual.seeds);
    assert.match(waiting.lastError ?? '', /infra_error, exit 1/);
    assert.equal(
      await store.countInfraErrors(1_800_000_000_000 - 600_000),
      0,
      'an old infra error is none of today',
    );
    const { attempts, events } = await store.history(3);
    assert.deepEqual(
      attempts.map(({ number, outcome, pages }) => [number, outcome, pages]),
      [[1, 'success', 40]],
    );
    assert.match(
      events[0]?.because ?? '',
      /job 3 of the original, index_failed; 5 WARC files, 5000000000 bytes, where they were; ZIM: \/srv\/zim\/hc.zim/,
    );
    assert.deepEqual(
      (await new SourceStore(database).list()).map(({ code }) => code),
      ['hc'],
      'phac is switched off there',
    );
    const left = plan.left.map(({ because }) => because).join('\n');
    assert.match(
      left,
      /hc-20260101\) is taken over without the options of its crawler: initial_workers, --pageLimit, 0/,
    );
    assert.match(left, /hc-running\): the original says that it runs/);
    assert.match(left, /nobody\): it has no source/);

    const again = await carryOut(url, database, true);
    assert.deepEqual(
      again.steps.map(({ path }) => path),
      [`${root}/hc-running`],
      'its worker is stopped now',
    );
    assert.equal(again.present, 3);
    assert.equal((await store.find(8))?.crawlerStatus, 'interrupted');
    assert.deepEqual((await carryOut(url, database, true)).steps, []);
    const place = { seeds: [], campaignKind: null, campaignYear: null } as const;
    const next = await store.add(
      { source: 'hc', name: 'new', outputDir: `${root}/new`, ...place },
      'tester',
      1,
    );
    assert.ok(next.id > 8, 'ids go on after those');
  });

  test('a name or a place that somebody has taken since the plan: nothing of it is added', async () => {
    const { url, database } = await original();
    const plan = await planTakeOver(await readLegacy(url), database, configuration, {
      isWorkerStopped: true,
    });
    const { sources, jobs } = sourcesAndJobs(plan.steps);
    const [first] = jobs;
    assert.ok(first);
    const both = [first, { ...first, legacyId: 77 }];
    await assert.rejects(takeOver(database, sources, both, 'tester', 1), RefusedError);
    assert.deepEqual(
      [await new JobStore(database).list(), await new SourceStore(database).everyCode()],
      [[], []],
    );
  });

  test('a job whose id is taken here gets another one', async () => {
    const { url, database } = await original();
    await new SourceStore(database).add(
      { code: 'own', name: 'Own', seeds: ['https://own.example/'], waitSeconds: 0 },
      1,
    );
    const place = { seeds: [], campaignKind: null, campaignYear: null } as const;
    const store = new JobStore(database);
    for (let count = 1; count <= 3; count += 1)
      await store.add(
        { source: 'own', name: `own-${count}`, outputDir: `${root}/own-${count}`, ...place },
        'tester',
        1,
      );
    await carryOut(url, database, true);
    const named = new Map((await store.list()).map(({ name, id }) => [name, id]));
    assert.equal(named.get('own-3'), 3);
    assert.ok((named.get('hc-20250101') ?? 0) > 3);
    assert.equal(named.get('hc-20260101'), 6);
  });
});

describe('the database of the original', () => {
  test('is only read: not a byte of it changes, nor is anything put beside it', async () => {
    const url = await sqliteOriginal();
    const file = join(folder, 'original.db');
    const digest = () => createHash('sha256').update(readFileSync(file)).digest('hex');
    const before = digest();
    await readLegacy(url);
    assert.equal(digest(), before);
  });

  for (const isInUse of [false, true])
    test(`in WAL mode, ${isInUse ? 'while the original has it open' : 'closed'}: no file of ours lies beside it, which the original could not write`, async () => {
      const url = await sqliteOriginal();
      const own = new DatabaseSync(join(folder, 'original.db'));
      own.exec('pragma journal_mode = wal; update archive_jobs set retry_count = 2');
      if (!isInUse) own.close();
      const beside = () => readdirSync(folder).filter((name) => name.startsWith('original.db'));
      const before = beside();
      assert.equal(before.length, isInUse ? 3 : 1);
      const { jobs } = await readLegacy(url);
      assert.ok(jobs.length > 0 && jobs.every(({ retryCount }) => retryCount === 2));
      assert.deepEqual(beside(), before);
      if (isInUse) own.close();
    });

  test('a row that can’t be understood does not keep the others', async () => {
    const url = await sqliteOriginal();
    const database = new DatabaseSync(join(folder, 'original.db'));
    database.exec(`update archive_jobs set started_at = 'yesterday' where id = 6`);
    database.exec(`update archive_jobs set config = 'no JSON' where id = 7`);
    database.close();
    const { jobs, problems } = await readLegacy(url);
    assert.deepEqual(
      jobs.map(({ id }) => id),
      [3, 7, 8, 9],
    );
    assert.deepEqual(problems, [
      { table: 'archive_jobs', id: 6, because: 'started_at: yesterday is no time' },
    ]);
    assert.equal(jobs.find(({ id }) => id === 7)?.config, null);
  });

  test('another database, none, or another address is named', async () => {
    const other = join(folder, 'other.db');
    new DatabaseSync(other).exec('create table x (id integer)');
    await assert.rejects(
      readLegacy(`sqlite:${other}`),
      (error) => error instanceof OperatorError && error.message.includes('no such table'),
    );
    for (const url of [`sqlite:////${folder}/missing.db`, 'sqlite:relative.db', 'mysql://x/y'])
      await assert.rejects(readLegacy(url), UsageError, url);
    await assert.rejects(
      readLegacy('postgresql://u:hunter2@127.0.0.1:9/x'),
      (error) => error instanceof OperatorError && !error.message.includes('hunter2'),
    );
  });
});
