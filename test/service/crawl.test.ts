import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSite } from '../../lab/site.ts';
import { occurrences, Setup, waitFor } from './setup.ts';

test('two jobs go from queued to completed, and leave WARC files in the names of their attempts', async (t) => {
  const site = await startSite({ pages: 20 });
  t.after(() => site.close());
  const setup = new Setup(t);
  setup.addSource('hc', `${site.url}en/`);
  const first = setup.addJob('hc', '--name', 'one');
  const second = setup.addJob('hc', '--name', 'two', '--seed', `${site.url}fr/`);
  const worker = setup.worker(['--drain']);
  assert.equal(await worker.ended, 0, worker.output());
  for (const { id } of [first, second]) {
    const job = await setup.job(id);
    assert.deepEqual(
      [job.status, job.crawler_status, job.attempts, job.retry_count],
      ['completed', 'success', 1, 0],
    );
    assert.ok((job.progress?.pages ?? 0) > 10);
    const warcs = readdirSync(join(job.output_dir, 'warcs')).filter((name) => name.endsWith('.warc.gz'));
    assert.ok(warcs.length > 0 && warcs.every((name) => name.startsWith(`${id}-001`)), warcs.join());
    assert.deepEqual(readdirSync(join(job.output_dir, 'attempts', '001')).sort(), [
      'crawler.log',
      'exit-record.json',
    ]);
    assert.deepEqual(
      job.events.map((event) => event.kind),
      ['added', 'claim', 'success'],
    );
  }
});

test('a completed job that is tried again is crawled anew, as a second attempt beside the first', async (t) => {
  const site = await startSite({ pages: 20 });
  t.after(() => site.close());
  const setup = new Setup(t);
  setup.addSource('hc', `${site.url}en/`);
  const { id } = setup.addJob('hc');
  assert.equal(await setup.worker(['--drain']).ended, 0);
  const first = await setup.job(id);
  setup.json('jobs', 'retry', String(id));
  assert.equal((await setup.job(id)).status, 'queued');
  const worker = setup.worker(['--drain']);
  assert.equal(await worker.ended, 0, worker.output());
  const again = await setup.job(id);
  assert.deepEqual([again.status, again.attempts, again.retry_count], ['completed', 2, 0]);
  const [one, two] = again.attempt_list;
  assert.deepEqual([two?.outcome, two?.pages], ['success', one?.pages], 'every page was asked for again');
  assert.doesNotMatch(two?.because ?? '', /lost/, 'nothing was lost: it was asked for');
  assert.equal(again.progress?.pages, first.progress?.pages);
  const warcs = readdirSync(join(again.output_dir, 'warcs')).filter((name) => name.endsWith('.warc.gz'));
  for (const attempt of ['001', '002']) assert.ok(warcs.some((name) => name.startsWith(`${id}-${attempt}`)));
});

test('--once makes one attempt', async (t) => {
  const site = await startSite({ pages: 2 });
  t.after(() => site.close());
  const setup = new Setup(t);
  setup.addSource('hc', `${site.url}en/`);
  const jobs = ['a', 'b'].map((name) => setup.addJob('hc', '--name', name));
  assert.equal(await setup.worker(['--once']).ended, 0);
  assert.deepEqual(await Promise.all(jobs.map(async ({ id }) => (await setup.job(id)).status)), [
    'completed',
    'queued',
  ]);
});

test('with concurrency 3 three crawls run side by side', async (t) => {
  const site = await startSite({ pages: 20, delayMs: 60 });
  t.after(() => site.close());
  const setup = new Setup(t, { worker: 'poll_seconds = 0.2\nconcurrency = 3' });
  setup.addSource('hc', `${site.url}en/`);
  const ids = ['a', 'b', 'c'].map((name) => setup.addJob('hc', '--name', name).id);
  assert.equal(await setup.worker(['--drain']).ended, 0);
  const spans = await Promise.all(ids.map(async (id) => (await setup.job(id)).attempt_list[0]));
  const lastStart = Math.max(...spans.map((span) => Date.parse(span?.started_at ?? '')));
  const firstEnd = Math.min(...spans.map((span) => Date.parse(span?.finished_at ?? '')));
  assert.ok(lastStart < firstEnd, 'each started before any ended');
});

test('a signal wakes an idle worker at once', async (t) => {
  const site = await startSite({ pages: 2 });
  t.after(() => site.close());
  const setup = new Setup(t, { worker: 'poll_seconds = 3600' });
  setup.addSource('hc', `${site.url}en/`);
  const worker = setup.worker();
  await waitFor('the worker to be ready', () => worker.output().includes('worker ready'), 20_000);
  const { id } = setup.addJob('hc');
  worker.child.kill('SIGUSR1');
  await setup.until(id, 'to complete', (job) => job.status === 'completed');
  worker.child.kill('SIGTERM');
  assert.equal(await worker.ended, 0);
});

test('without its container engine a job fails at once and says which package to install', async (t) => {
  const setup = new Setup(t, { crawler: 'kind = "container"\nimage = "crawler:1"' });
  const bin = join(setup.dir, 'bin');
  mkdirSync(bin);
  for (const name of ['sh', 'uname', 'readlink', 'find', 'flock', 'env'])
    symlinkSync(`/usr/bin/${name}`, join(bin, name));
  setup.addSource('hc', 'http://127.0.0.1:9/');
  const { id } = setup.addJob('hc');
  const worker = setup.worker(['--drain'], { PATH: bin });
  assert.equal(await worker.ended, 3, worker.output());
  const job = await setup.job(id);
  assert.deepEqual([job.status, job.crawler_status, job.attempts], ['failed', 'config_error', 1]);
  assert.match(job.last_error ?? '', /apt-get install podman/);
});

test('a site that is away uses no retry: it is tried again after a pause, and crawled when it is back', async (t) => {
  const setup = new Setup(t, {
    worker: 'poll_seconds = 0.1\nretry_backoff_seconds = 5',
    crawler: 'outage_patience_seconds = 1',
  });
  const gone = await startSite({ pages: 4 });
  const { port, url } = gone;
  await gone.close();
  setup.addSource('hc', `${url}en/`);
  const { id } = setup.addJob('hc');
  const worker = setup.worker();
  const job = await setup.until(id, 'to have ended once', (seen) => seen.status === 'retryable', 60_000);
  assert.deepEqual([job.crawler_status, job.retry_count, job.attempts], ['source_unreachable', 0, 1]);
  assert.equal(job.attempt_list[0]?.outcome, 'source_unreachable');
  assert.ok(Date.parse(job.next_attempt_at ?? '') > Date.now());
  assert.equal(occurrences(worker.output(), 'attempt started'), 1);
  const back = await startSite({ pages: 4, port });
  t.after(() => back.close());
  await setup.until(id, 'to complete', (seen) => seen.status === 'completed');
});

test('an annual job whose storage box is not mounted is parked, and the next job runs', async (t) => {
  const site = await startSite({ pages: 2 });
  t.after(() => site.close());
  const setup = new Setup(t);
  const box = join(setup.dir, 'box');
  mkdirSync(box);
  setup.configure({ storagebox: `mount = "${box}"\ncold_root = "${box}/jobs"` });
  setup.addSource('hc', `${site.url}en/`);
  setup.json('campaign', 'schedule', '--year', '2026', '--apply');
  const plain = setup.addJob('hc', '--name', 'plain');
  const worker = setup.worker();
  await setup.until(plain.id, 'to complete', (job) => job.status === 'completed');
  const annual = await setup.job(1);
  assert.deepEqual(
    [annual.status, annual.crawler_status, annual.retry_count, annual.attempts, annual.parked?.reason],
    ['queued', null, 0, 0, 'missing'],
  );
  assert.ok(!existsSync(annual.output_dir), 'nothing was made under the missing mount');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.equal(occurrences(worker.output(), 'job parked'), 1, 'said once, not at every poll');
  assert.equal((await setup.job(1)).events.filter((event) => event.kind === 'parked').length, 1);
  worker.child.kill('SIGTERM');
  assert.equal(await worker.ended, 0);
  assert.equal(await setup.worker(['--drain']).ended, 3, 'a parked job is left behind');
});

test('too little free space parks the worker, not the job', async (t) => {
  const setup = new Setup(t, { worker: 'poll_seconds = 0.2\nmin_free_percent = 99' });
  setup.addSource('hc', 'http://127.0.0.1:9/');
  const { id } = setup.addJob('hc');
  const worker = setup.worker();
  await waitFor('the worker to say so', () => worker.output().includes('too little free space'), 20_000);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(occurrences(worker.output(), 'too little free space'), 1);
  const job = await setup.job(id);
  assert.deepEqual([job.status, job.attempts, job.parked], ['queued', 0, null]);
});
