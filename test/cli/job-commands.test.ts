import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailableError } from '../../src/core/errors.ts';
import type { JobStatus } from '../../src/core/jobs/job.ts';
import { JobQueries } from '../../src/store/job-queries.ts';
import { localSetup, type LocalSetup } from './setup.ts';

type Expected = readonly [exit: number, statusAfter: JobStatus, words: RegExp];

/** For each state, what `jobs cancel` and `jobs retry` answer. */
const wishes: readonly (readonly [JobStatus, cancel: Expected, retry: Expected])[] = [
  ['queued', [0, 'cancelled', /is cancelled/], [0, 'queued', /waits for its turn already/]],
  ['running', [0, 'running', /is asked to stop/], [5, 'running', /is running: there is nothing to retry/]],
  ['retryable', [0, 'cancelled', /is cancelled/], [0, 'retryable', /waits for its turn already/]],
  [
    'completed',
    [5, 'completed', /is completed: there is nothing to cancel/],
    [0, 'queued', /runs again when its turn comes/],
  ],
  ['failed', [5, 'failed', /nothing to cancel/], [0, 'queued', /runs again when its turn comes/]],
  ['cancelled', [0, 'cancelled', /was cancelled already/], [0, 'queued', /runs again/]],
];

/** Puts a job of that state into the store; returns its id. */
async function jobIn(setup: LocalSetup, status: JobStatus, name: string): Promise<string> {
  return await setup.withStore(async (jobs, database) => {
    const place = { source: 'hc', name, outputDir: `${setup.jobsRoot}/hc/${name}` };
    const job = await jobs.add({ ...place, seeds: [], campaignKind: null, campaignYear: null }, 'tester', 1);
    await database.write(async (tx) => {
      await tx.updateTable('jobs').set({ status }).where('id', '=', job.id).execute();
    });
    return String(job.id);
  });
}

test('jobs cancel and jobs retry in every state', async (t) => {
  const setup = await localSetup(t);
  for (const [status, cancel, retry] of wishes) {
    for (const [wish, [exit, after, words]] of [
      ['cancel', cancel],
      ['retry', retry],
    ] as const) {
      const id = await jobIn(setup, status, `${wish}-${status}`);
      const outcome = await setup.run('jobs', wish, id);
      const what = `${wish} of a ${status} job: ${outcome.stdout}${outcome.stderr}`;
      assert.equal(outcome.status, exit, what);
      assert.match(exit === 0 ? outcome.stdout : outcome.stderr, words, what);
      assert.equal((await setup.ask('jobs', 'show', id))['status'], after, what);
    }
  }
});

test('each wish that changes a job leaves an event with the one who wished; one that changes nothing leaves none', async (t) => {
  const setup = await localSetup(t);
  const id = await jobIn(setup, 'queued', 'one');
  for (const wish of ['cancel', 'cancel', 'retry', 'retry']) await setup.ask('jobs', wish, id);
  const events = (await setup.ask('jobs', 'show', id))['events'] as { kind: string; actor: string }[];
  assert.deepEqual(
    events.map((event) => event.kind),
    ['added', 'cancel', 'retry'],
  );
  for (const event of events) assert.notEqual(event.actor, '');
});

test('retry ends the wait of a job in cooldown', async (t) => {
  const setup = await localSetup(t);
  const id = await jobIn(setup, 'retryable', 'one');
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      const wait = { infra_retry_ms: Date.now() + 500_000, infra_retry_length_ms: 600_000 };
      await tx.updateTable('jobs').set(wait).execute();
    });
  });
  assert.match((await setup.run('jobs', 'list')).stdout, / again (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d$/m);
  const after = await setup.ask('jobs', 'retry', id);
  assert.deepEqual([after['status'], after['next_attempt_at']], ['retryable', null]);
});

test('a job whose directory another one took meanwhile can’t go back to the queue', async (t) => {
  const setup = await localSetup(t);
  const id = await jobIn(setup, 'failed', 'first');
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'second', '--output-dir', 'hc/first');
  const before = setup.databaseContent();
  const { status, stderr } = await setup.run('jobs', 'retry', id);
  assert.equal(status, 5);
  assert.match(
    stderr,
    /job 1 can't go back to the queue: job 2, which is queued, writes to .*hc\/first already/,
  );
  assert.equal(setup.databaseContent(), before);
  await setup.ask('jobs', 'cancel', '2');
  assert.equal((await setup.run('jobs', 'retry', id)).status, 0);
});

test('recover-stale on an empty system, and beside a job whose lease is held elsewhere', async (t) => {
  const setup = await localSetup(t);
  for (const more of [[], ['--apply'], ['--older-than-minutes', '5', '--source', 'hc']]) {
    const { status, stdout } = await setup.run('jobs', 'recover-stale', ...more);
    assert.deepEqual([status, stdout], [0, 'No job is running.\n']);
  }
  const id = await jobIn(setup, 'running', 'elsewhere');
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      const lease = { lease_token: 't', lease_worker: 'w', lease_host: 'far', lease_machine_id: 'm' };
      await tx
        .updateTable('jobs')
        .set({ ...lease, lease_boot_id: 'b', attempts: 1 })
        .execute();
    });
  });
  const plan = await setup.ask('jobs', 'recover-stale', '--apply');
  assert.deepEqual([plan['verdict'], plan['steps']], ['nothing_to_do', []]);
  assert.equal((plan['refusals'] as { code: string }[])[0]?.code, 'other_host');
  assert.equal((await setup.ask('jobs', 'show', id))['status'], 'running');
});

test('jobs watch ends when nothing is waiting or running', async (t) => {
  const setup = await localSetup(t);
  const id = await jobIn(setup, 'completed', 'one');
  const { status, stdout } = await setup.run('jobs', 'watch', id);
  assert.equal(status, 0);
  assert.match(stdout, /completed/);
});

test('jobs watch goes on after a database that was away for a moment, and says so once', async (t) => {
  const setup = await localSetup(t);
  const { id } = (await setup.ask('jobs', 'add', '--source', 'hc')) as { id: number };
  const list = t.mock.method(JobQueries.prototype, 'list');
  const away = () => Promise.reject(new DatabaseUnavailableError('the database is away.'));
  list.mock.mockImplementationOnce(away, 0);
  list.mock.mockImplementationOnce(away, 1);
  const watching = setup.run('jobs', 'watch', '--interval', '0.1');
  await sleep(300);
  await setup.ask('jobs', 'cancel', String(id));
  const { status, stdout, stderr } = await watching;
  assert.equal(status, 0);
  assert.match(stdout, /cancelled/);
  assert.equal(stderr, 'healtharchive: the database is away. Still trying.\n');
});
