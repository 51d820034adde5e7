/** The worker goes, comes back, or is taken for gone in the middle of a crawl. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Site } from '../../lab/site.ts';
import { waitFor, type JobView, type Setup } from './setup.ts';
import { crawlerPid, isAlive, isCrawling, lockDatabase, slowCrawl } from './slow-crawl.ts';

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

/** As if two minutes had passed since the last renewal. */
function expireLease(setup: Setup, id: number): void {
  const database = new DatabaseSync(join(setup.dir, 'healtharchive.db'), { timeout: 10_000 });
  database
    .prepare('update jobs set lease_renewed_boot_ms = lease_renewed_boot_ms - 120000 where id = ?')
    .run(id);
  database.close();
}
