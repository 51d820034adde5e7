import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSite, type Site } from '../../lab/site.ts';
import { tryLock } from '../../src/effects/flock.ts';
import { occurrences, Setup, waitFor, type JobView, type StartedWorker } from './setup.ts';

/** A crawl that lasts until it is stopped, or about `pages` × 100 ms. */
async function slowCrawl(
  t: TestContext,
  pages: number,
  worker = 'poll_seconds = 0.2\nstop_grace_seconds = 10',
) {
  const site = await startSite({ pages, delayMs: 100 });
  t.after(() => site.close());
  const setup = new Setup(t, { worker });
  setup.addSource('hc', `${site.url}en/`);
  return { site, setup, id: setup.addJob('hc').id };
}

const isCrawling = (job: JobView) => job.status === 'running' && (job.progress?.pages ?? 0) > 0;

function hashes(folder: string): Record<string, string> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

function crawlerPid(worker: StartedWorker): number {
  return Number(/attempt started .*pid=(\d+)/.exec(worker.output())?.[1]);
}

async function finished(setup: Setup, site: Site, id: number): Promise<JobView> {
  assert.equal(await setup.worker(['--drain', '--name', 'next']).ended, 0);
  const job = await setup.job(id);
  assert.equal(job.status, 'completed');
  const crawled = new Set(
    site.hits.filter((hit) => hit.path.startsWith('/en/') && hit.status === 200).map((hit) => hit.path),
  );
  assert.ok(crawled.size > 10);
  return job;
}

test('TERM ends the crawl, uses no budget, and the next worker archives beside what is there', async (t) => {
  const { site, setup, id } = await slowCrawl(t, 60);
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  worker.child.kill('SIGTERM');
  assert.equal(await worker.ended, 0, worker.output());
  const stopped = await setup.job(id);
  assert.deepEqual(
    [stopped.status, stopped.crawler_status, stopped.retry_count, stopped.next_attempt_at],
    ['retryable', 'interrupted', 0, null],
  );
  const warcs = join(stopped.output_dir, 'warcs');
  const before = hashes(warcs);
  assert.ok(Object.keys(before).some((name) => name.endsWith('.warc.gz')));
  const job = await finished(setup, site, id);
  assert.equal(job.attempts, 2);
  const after = hashes(warcs);
  for (const [name, hash] of Object.entries(before))
    assert.equal(after[name], hash, `${name} is as the first attempt left it`);
});

test('cancel ends a running crawl for good', async (t) => {
  const { setup, id } = await slowCrawl(t, 200);
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  assert.equal(setup.cli('jobs', 'cancel', String(id)).status, 0);
  const job = await setup.until(id, 'to be cancelled', (seen) => seen.status === 'cancelled');
  assert.deepEqual([job.crawler_status, job.attempts], ['interrupted', 1]);
  assert.throws(() => process.kill(crawlerPid(worker), 0), /ESRCH/);
});

test('kill -9 of the worker ends its crawler, and the next start brings the job back at once', async (t) => {
  const { site, setup, id } = await slowCrawl(t, 40);
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  const launcher = crawlerPid(worker);
  worker.child.kill('SIGKILL');
  await waitFor('the crawler to end with its worker', () => !isAlive(launcher), 15_000);
  const successor = setup.worker();
  const job = await setup.until(id, 'to complete', (seen) => seen.status === 'completed', 60_000);
  assert.deepEqual([job.attempts, job.retry_count], [2, 0]);
  assert.deepEqual(
    job.attempt_list.map((attempt) => attempt.outcome),
    ['interrupted', 'success'],
  );
  assert.match(successor.output(), /job given back/);
  assert.ok(site.hits.length > 0);
});

test('a crawl that ended while nobody could be told is not crawled again', async (t) => {
  const { setup, id } = await slowCrawl(t, 20);
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  const launcher = crawlerPid(worker);
  const holder = lockDatabase(setup);
  await waitFor('the crawl to end', () => !isAlive(launcher), 30_000);
  await sleep(1000);
  worker.child.kill('SIGKILL');
  await worker.ended;
  holder.release();
  assert.equal((await setup.job(id)).status, 'running');
  assert.equal(await setup.worker(['--drain']).ended, 0);
  const job = await setup.job(id);
  assert.deepEqual([job.status, job.crawler_status, job.attempts], ['completed', 'success', 1]);
});

test('a locked database is said once, ends no crawl and loses no end', async (t) => {
  const { setup, id } = await slowCrawl(t, 20);
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  const launcher = crawlerPid(worker);
  const holder = lockDatabase(setup);
  await waitFor('the crawl to end by itself', () => !isAlive(launcher), 30_000);
  await sleep(8000);
  holder.release();
  const job = await setup.until(id, 'to complete', (seen) => seen.status === 'completed');
  assert.deepEqual([job.crawler_status, job.attempts], ['success', 1]);
  assert.equal(occurrences(worker.output(), 'warning the database takes nothing'), 1, worker.output());
});

test('a database that is gone, and comes back, costs nothing', async (t) => {
  const { setup, id } = await slowCrawl(t, 20);
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  const file = join(setup.dir, 'healtharchive.db');
  const launcher = crawlerPid(worker);
  // A checkpoint first: the file alone is the whole database then, as a restored backup is.
  const handle = new DatabaseSync(file, { timeout: 5000 });
  handle.exec('pragma wal_checkpoint(truncate)');
  handle.close();
  for (const suffix of ['', '-wal', '-shm']) renameSync(`${file}${suffix}`, `${file}.away${suffix}`);
  await waitFor('the worker to say so', () => worker.output().includes('was removed'), 20_000);
  await waitFor('the crawl to end', () => !isAlive(launcher), 30_000);
  for (const suffix of ['', '-wal', '-shm']) renameSync(`${file}.away${suffix}`, `${file}${suffix}`);
  const job = await setup.until(id, 'to complete', (seen) => seen.status === 'completed');
  assert.equal(job.attempts, 1);
});

test('a frozen worker that comes back can’t overwrite its successor', async (t) => {
  const { site, setup, id } = await slowCrawl(t, 40);
  const frozen = setup.worker(['--name', 'frozen']);
  await setup.until(id, 'to crawl', isCrawling);
  const launcher = crawlerPid(frozen);
  frozen.child.kill('SIGSTOP');
  process.kill(-launcher, 'SIGKILL');
  await waitFor('its crawler to be gone', () => !isAlive(launcher), 10_000);
  expireLease(setup, id);
  const job = await finished(setup, site, id);
  assert.equal(job.attempts, 2);
  frozen.child.kill('SIGCONT');
  await waitFor('the frozen worker to notice', () => frozen.output().includes('lease was lost'), 20_000);
  const later = await setup.job(id);
  assert.deepEqual([later.status, later.crawler_status, later.attempts], ['completed', 'success', 2]);
  assert.deepEqual(
    later.attempt_list.map((attempt) => attempt.worker),
    ['frozen', 'next'],
  );
});

test('a lease that has run out does not count while the crawler lives', async (t) => {
  const { setup, id } = await slowCrawl(t, 200);
  const frozen = setup.worker(['--name', 'frozen']);
  await setup.until(id, 'to crawl', isCrawling);
  frozen.child.kill('SIGSTOP');
  expireLease(setup, id);
  const { status, stdout } = setup.cli('jobs', 'recover-stale', '--apply', '--json');
  assert.equal(status, 0);
  const answer = JSON.parse(stdout) as { verdict: string; refusals: { code: string }[] };
  assert.deepEqual([answer.verdict, answer.refusals[0]?.code], ['nothing_to_do', 'crawler_alive']);
  assert.equal((await setup.job(id)).status, 'running');
  frozen.child.kill('SIGCONT');
});

test('while the storage lock is held exclusively nothing starts; the worker says so once', async (t) => {
  const { setup, id } = await slowCrawl(t, 4);
  const lock = await tryLock(join(setup.dir, 'ops', 'locks', 'storage'), 'exclusive');
  assert.ok(lock !== null);
  const worker = setup.worker();
  await waitFor('the worker to say so', () => worker.output().includes('mounts are being worked on'), 20_000);
  await sleep(1500);
  assert.equal((await setup.job(id)).attempts, 0);
  lock.release();
  await setup.until(id, 'to complete', (job) => job.status === 'completed');
  assert.equal(occurrences(worker.output(), 'notice  the mounts are being worked on'), 1);
});

test('a manifest that can’t be read holds starts back, and is said once', async (t) => {
  const { setup, id } = await slowCrawl(t, 4);
  const box = join(setup.dir, 'box');
  const manifest = join(setup.dir, 'manifest');
  mkdirSync(manifest); // reading a directory fails for root too
  setup.configure({
    storagebox: `mount = "${box}"\ncold_root = "${box}/jobs"`,
    tiering: `manifest = "${manifest}"`,
  });
  const worker = setup.worker();
  await waitFor('the worker to say so', () => worker.output().includes('EISDIR'), 20_000);
  await sleep(1500);
  assert.equal(occurrences(worker.output(), 'nothing is started'), 1);
  assert.equal((await setup.job(id)).attempts, 0);
  rmdirSync(manifest);
  await setup.until(id, 'to complete', (job) => job.status === 'completed');
});

test('a manifest that becomes unreadable in the middle of a crawl ends neither the crawl nor the worker', async (t) => {
  const { setup, id } = await slowCrawl(t, 130);
  const box = join(setup.dir, 'box');
  const manifest = join(setup.dir, 'manifest');
  setup.configure({
    storagebox: `mount = "${box}"\ncold_root = "${box}/jobs"`,
    tiering: `manifest = "${manifest}"`,
  });
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  mkdirSync(manifest);
  await waitFor(
    'the look at the storage to fail',
    () => worker.output().includes('can’t be looked at'),
    25_000,
  );
  rmdirSync(manifest);
  const job = await setup.until(id, 'to complete', (seen) => seen.status === 'completed', 60_000);
  assert.deepEqual([job.crawler_status, job.attempts], ['success', 1]);
});

for (const delayMs of [300, 600, 900, 1200]) {
  test(`TERM ${delayMs} ms after the start, whatever is under way then, ends the worker soon`, async (t) => {
    const { setup, id } = await slowCrawl(t, 400);
    const worker = setup.worker();
    await waitFor('the worker to be up', () => worker.output().includes('worker ready'), 20_000);
    await sleep(delayMs - 300);
    worker.child.kill('SIGTERM');
    const asked = performance.now();
    assert.equal(await worker.ended, 0, worker.output());
    assert.ok(performance.now() - asked < 12_000, 'the crawl alone would take 20 s');
    const job = await setup.job(id);
    assert.ok(['queued', 'retryable'].includes(job.status), job.status);
    assert.equal(job.retry_count, 0);
  });
}

test('the exit record of another time, after a database was restored, decides nothing', async (t) => {
  const { setup, id } = await slowCrawl(t, 10);
  assert.equal(await setup.worker(['--drain']).ended, 0);
  const first = await setup.job(id);
  assert.equal(first.status, 'completed');
  // As if the database had been restored from before the crawl: the same attempt number comes again.
  edit(setup, `update jobs set status = 'queued', attempts = 0, crawler_status = null where id = ${id}`);
  edit(setup, `delete from attempts where job_id = ${id}`);
  for (const name of readdirSync(join(first.output_dir, 'warcs')))
    rmSync(join(first.output_dir, 'warcs', name));
  const worker = setup.worker();
  await setup.until(id, 'to crawl', (job) => job.status === 'running');
  await waitFor('the launcher', () => crawlerPid(worker) > 0, 20_000);
  process.kill(-crawlerPid(worker), 'SIGKILL');
  const job = await setup.until(id, 'to be over', (seen) => seen.status !== 'running');
  assert.notEqual(job.status, 'completed', 'nothing was crawled this time');
});

function edit(setup: Setup, statement: string): void {
  const database = new DatabaseSync(join(setup.dir, 'healtharchive.db'), { timeout: 10_000 });
  database.exec(statement);
  database.close();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Holds SQLite's write lock, as a long transaction of somebody else does. */
function lockDatabase(setup: Setup): { release: () => void } {
  const database = new DatabaseSync(join(setup.dir, 'healtharchive.db'), { timeout: 10_000 });
  database.exec('begin immediate');
  return {
    release: () => {
      database.exec('rollback');
      database.close();
    },
  };
}

/** As if two minutes had passed since the last renewal. */
function expireLease(setup: Setup, id: number): void {
  const database = new DatabaseSync(join(setup.dir, 'healtharchive.db'), { timeout: 10_000 });
  database
    .prepare('update jobs set lease_renewed_boot_ms = lease_renewed_boot_ms - 120000 where id = ?')
    .run(id);
  database.close();
}
