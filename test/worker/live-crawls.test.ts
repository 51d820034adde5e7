/** Which crawls may write now: the locks on this host say it, and the database. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Job } from '../../src/core/jobs/job.ts';
import type { HostIdentity } from '../../src/effects/host.ts';
import { tryLock, type HeldLock } from '../../src/effects/flock.ts';
import { crawlsOfThisHost, liveCrawls } from '../../src/worker/live-crawls.ts';
import { attemptFiles, attemptLock, workerPaths, type WorkerPaths } from '../../src/worker/worker-paths.ts';

const host: HostIdentity = { host: 'here', machineId: 'm', bootId: 'now' };
let folder = '';
let paths: WorkerPaths;
const held: HeldLock[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healtharchive-live-'));
  paths = workerPaths(folder);
});

afterEach(() => {
  for (const lock of held.splice(0)) lock.release();
  rmSync(folder, { recursive: true });
});

/** An attempt that left its lock file, and its spec if it has one; its lock is held if it lives. */
async function attempt(name: string, spec: string | null, isAlive: boolean): Promise<void> {
  const files = attemptFiles(paths, name);
  mkdirSync(paths.locks, { recursive: true });
  mkdirSync(files.folder, { recursive: true });
  if (spec !== null) writeFileSync(files.spec, spec);
  const lock = await tryLock(attemptLock(paths, name), 'exclusive');
  assert.notEqual(lock, null);
  if (lock === null) return;
  if (isAlive) held.push(lock);
  else lock.release();
}

test('a fresh installation has none', async () => {
  assert.deepEqual(await liveCrawls(paths, [], host), []);
});

test('a held lock counts, with the directory of its spec; a free one does not', async () => {
  await attempt('3-001', JSON.stringify({ outputDir: '/jobs/a' }), true);
  await attempt('4-001', JSON.stringify({ outputDir: '/jobs/b' }), false);
  assert.deepEqual(await liveCrawls(paths, [], host), [{ name: '3-001', outputDir: '/jobs/a' }]);
});

test('one of which nobody knows where it writes may write anywhere', async () => {
  await attempt('5-001', null, true);
  await attempt('6-001', '{ "outp', true);
  assert.deepEqual(await liveCrawls(paths, [], host), [
    { name: '5-001', outputDir: '/' },
    { name: '6-001', outputDir: '/' },
  ]);
});

test('each crawl has the superblock that it was admitted on, as far as its spec says', async () => {
  const local = { kind: 'local' };
  const specs = {
    '3-001': { outputDir: '/jobs/a', expectedDevice: '0:51' },
    '4-002': { outputDir: '/jobs/b', expectedMount: local },
    '5-001': { outputDir: '/jobs/c', expectedMount: { kind: 'mount' } },
  };
  for (const [name, spec] of Object.entries(specs)) await attempt(name, JSON.stringify(spec), true);
  const found = await crawlsOfThisHost(paths);
  assert.deepEqual(
    found.sort((a, b) => a.jobId - b.jobId),
    [
      { attempt: '3-001', jobId: 3, outputDir: '/jobs/a', device: '0:51' },
      { attempt: '4-002', jobId: 4, outputDir: '/jobs/b', device: 'local' },
      { attempt: '5-001', jobId: 5, outputDir: '/jobs/c', device: null },
    ],
  );
});

test('what the database says is running counts too, also without a lock here', async () => {
  const job = (id: number, status: string) =>
    ({ id, status, outputDir: `/jobs/${id}`, lease: null }) as unknown as Job;
  assert.deepEqual(await liveCrawls(paths, [job(1, 'running'), job(2, 'queued')], host), [
    { name: 'job 1', outputDir: '/jobs/1' },
  ]);
});

test('what ran here before this boot is over, unless its lock is held all the same', async () => {
  const lease = { host: 'here', machineId: 'm', bootId: 'before' };
  const job = (id: number, changes: object) =>
    ({
      id,
      status: 'running',
      attempts: 1,
      outputDir: `/jobs/${id}`,
      lease: { ...lease, ...changes },
    }) as unknown as Job;
  await attempt('2-001', JSON.stringify({ outputDir: '/jobs/2' }), true);
  await attempt('3-001', JSON.stringify({ outputDir: '/jobs/3' }), false);
  const jobs = [job(1, {}), job(2, {}), job(3, {}), job(4, { bootId: 'now' }), job(5, { host: 'elsewhere' })];
  assert.deepEqual(
    (await liveCrawls(paths, jobs, host)).map(({ name }) => name),
    ['job 2', 'job 4', 'job 5', '2-001'],
  );
});
