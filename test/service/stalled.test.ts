/** Crawls that stand still: ended, and tried again as a failure of the crawl. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { slowCrawl, crawlerPid, isCrawling } from './slow-crawl.ts';
import { Setup, type JobView } from './setup.ts';

const stall = 'stall_seconds = 10';
const grace = 'poll_seconds = 0.2\nstop_grace_seconds = 1';

function assertStoodStill(job: JobView): void {
  assert.deepEqual([job.crawler_status, job.retry_count, job.attempts], ['failed', 1, 1]);
  assert.match(job.last_error ?? '', /stood still/);
}

test('our own crawler, which the kernel holds', { timeout: 120_000 }, async (t) => {
  const { setup, id } = await slowCrawl(t, 300, grace);
  setup.configure({ crawler: stall });
  const worker = setup.worker();
  await setup.until(id, 'to crawl', isCrawling);
  const group = -crawlerPid(worker);
  process.kill(group, 'SIGSTOP');
  t.after(() => {
    try {
      process.kill(group, 'SIGCONT');
    } catch {
      // It is gone.
    }
  });
  assertStoodStill(await setup.until(id, 'to be ended', (job) => job.status === 'retryable', 60_000));
});

test('a container that archives nothing', { timeout: 120_000 }, async (t) => {
  const setup = new Setup(t, {
    worker: grace,
    crawler: `kind = "container"\nimage = "crawler:1"\npreset = ["{output}"]\n${stall}`,
  });
  const environment = fakeEngine(setup);
  setup.addSource('hc', 'http://127.0.0.1:9/');
  const still = setup.addJob('hc', '--name', 'still');
  setup.worker(['--once'], environment);
  assertStoodStill(await setup.until(still.id, 'to be ended', (job) => job.status === 'retryable', 60_000));
});

/** A podman whose containers write nothing and never end. */
function fakeEngine(setup: Setup): NodeJS.ProcessEnv {
  const bin = join(setup.dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'podman'), '#!/bin/sh\ncase $1 in run) exec sleep 600 ;; esac\n');
  chmodSync(join(bin, 'podman'), 0o755);
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}
