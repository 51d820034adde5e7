import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Setup } from '../service/setup.ts';
import { startLinkedPages } from './linked-pages.ts';

const isFull = process.env['HEALTHARCHIVE_TEST_FULL'] === '1';
const kills = isFull ? 100 : 12;
const jobCount = 4;
const pages = 12;

/** Reproducible moments (mulberry32); a failing run prints its seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test(
  `${kills} times kill -9 of the worker: no job lost, none crawled twice at once`,
  { timeout: 30 * 60_000 },
  async (t) => {
    const seed = Number(process.env['HEALTHARCHIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
    t.diagnostic(`HEALTHARCHIVE_TEST_SEED=${seed}`);
    const random = randomFrom(seed);
    const sites = await startLinkedPages(pages, 120);
    t.after(() => {
      sites.close();
    });
    // No wait after lost attempts: the test loses far more of them in a row than any machine does.
    const setup = new Setup(t, {
      worker: 'poll_seconds = 0.1\nconcurrency = 2\nretry_backoff_seconds = 0\nstop_grace_seconds = 2',
    });
    setup.addSource('hc', sites.seed(0));
    const ids = Array.from(
      { length: jobCount },
      (_, job) => setup.addJob('hc', '--name', String(job), '--seed', sites.seed(job)).id,
    );

    for (let kill = 0; kill < kills; kill++) {
      const worker = setup.worker();
      await sleep(300 + random() * 2500);
      worker.child.kill('SIGKILL');
      await worker.ended;
      if ((await Promise.all(ids.map((id) => setup.job(id)))).every((job) => job.status === 'completed')) {
        // All done under fire: queue them once more, so that every kill hits something.
        for (const id of ids) {
          const name = `again ${kill} ${id}`;
          ids[ids.indexOf(id)] = setup.addJob('hc', '--name', name, '--seed', sites.seed(ids.indexOf(id))).id;
        }
      }
    }
    const last = setup.worker();
    for (const id of ids) {
      const job = await setup.until(id, 'to complete', (seen) => seen.status === 'completed', 120_000);
      assert.equal(job.retry_count, 0, 'a lost attempt uses no budget');
      assert.equal(job.attempt_list.length, job.attempts);
      assert.deepEqual(
        job.attempt_list.filter((attempt) => attempt.outcome === null),
        [],
      );
    }
    last.child.kill('SIGTERM');
    assert.equal(await last.ended, 0);
    assert.deepEqual([...sites.crawledTwiceAtOnce], [], 'no site saw two crawlers at once');
    for (let site = 0; site < jobCount; site++) assert.ok(sites.hits(site).size >= pages);
  },
);
