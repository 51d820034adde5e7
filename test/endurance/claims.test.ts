import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { Setup } from '../service/setup.ts';
import { PostgresCluster, postgresBinaries } from '../store/databases.ts';
import { startLinkedPages } from './linked-pages.ts';

const isFull = process.env['HEALTHARCHIVE_TEST_FULL'] === '1';
const jobCount = isFull ? 500 : 24;

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  const name = `four workers share ${jobCount} jobs without a double claim (${kind})`;
  test(name, { timeout: 40 * 60_000 }, async (t) => {
    if (kind === 'SQLite') {
      await fourWorkers(t, (setup) => `sqlite:${join(setup.dir, 'healtharchive.db')}`);
      return;
    }
    const binaries = postgresBinaries();
    assert.ok(binaries !== null, 'apt install postgresql');
    const cluster = new PostgresCluster(binaries);
    try {
      await cluster.start();
      cluster.createDatabase('claims');
      await fourWorkers(t, () => cluster.url('claims'));
    } finally {
      await cluster.stop();
    }
  });
}

async function fourWorkers(t: TestContext, urlFor: (setup: Setup) => string): Promise<void> {
  const sites = await startLinkedPages(1, 0);
  t.after(() => {
    sites.close();
  });
  const setup = new Setup(t);
  const url = urlFor(setup);
  // What is tested is who gets which job. A look at the local disk that comes late on a busy machine would park one.
  setup.configure({ database: `url = "${url}"`, recovery: 'probe_timeout_seconds = 60' });
  setup.json('db', 'migrate');
  setup.addSource('hc', sites.seed(0));
  const database = new Database(url);
  t.after(() => database.close());
  const store = new JobStore(database);
  for (let job = 0; job < jobCount; job++) {
    const outputDir = join(setup.dir, 'jobs', 'hc', String(job));
    await store.add(
      {
        source: 'hc',
        name: `job ${job}`,
        outputDir,
        seeds: [sites.seed(job)],
        campaignKind: null,
        campaignYear: null,
      },
      'test',
      Date.now(),
    );
  }
  const workers = ['w1', 'w2', 'w3', 'w4'].map((name) => setup.worker(['--drain', '--name', name]));
  for (const worker of workers) assert.equal(await worker.ended, 0, worker.output().slice(-2000));

  const jobs = await store.list();
  assert.deepEqual(
    jobs.filter((job) => job.status !== 'completed' || job.attempts !== 1).map((job) => job.id),
    [],
  );
  const shares = new Map<string, number>();
  for (const job of jobs) {
    const { attempts, events } = await store.history(job.id);
    assert.deepEqual(
      events.map((event) => event.kind),
      ['added', 'claim', 'success'],
    );
    const worker = attempts[0]?.worker ?? '';
    shares.set(worker, (shares.get(worker) ?? 0) + 1);
  }
  assert.deepEqual([...sites.crawledTwiceAtOnce], []);
  assert.equal(shares.size, 4, `every worker had its share: ${JSON.stringify([...shares])}`);
}
