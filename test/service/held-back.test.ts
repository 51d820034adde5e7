/** What the worker needs beside storage is away: its database, its locks, its manifest. It says so once, and ends no crawl for it. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock } from '../../src/effects/flock.ts';
import { occurrences, waitFor, type Setup } from './setup.ts';
import { crawlerPid, isAlive, isCrawling, lockDatabase, slowCrawl } from './slow-crawl.ts';

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
