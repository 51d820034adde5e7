import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobStore } from '../../src/store/job-store.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { QueueRest } from '../../src/worker/queue-rest.ts';
import { describeOnBothDatabases } from '../store/databases.ts';

const job = { source: 'hc', seeds: [], campaignKind: null, campaignYear: null };
const longLookMs = 10_000;

describeOnBothDatabases('a queue in which nothing can run rests', (fresh) => {
  async function resting() {
    const { database } = await fresh();
    await new SourceStore(database).add(
      { code: 'hc', name: 'HC', seeds: ['https://hc.example/'], waitSeconds: 0 },
      1,
    );
    const jobs = new JobStore(database);
    await jobs.add({ ...job, name: 'a', outputDir: '/srv/jobs/a' }, 'x', Date.now());
    const rest = new QueueRest(jobs);
    assert.equal(await rest.isOn(), false, 'nobody has looked yet');
    return { rest, jobs, database };
  }

  test('until it is asked for, or anything is done about a job', async () => {
    const { rest, jobs } = await resting();
    rest.begin(await rest.traces(), longLookMs);
    assert.equal(await rest.isOn(), true);
    rest.end();
    assert.equal(await rest.isOn(), false);
    rest.begin(await rest.traces(), longLookMs);
    await jobs.park(1, { reason: 'dead', detail: '' }, 'w', Date.now());
    assert.equal(await rest.isOn(), false);
    assert.equal(await rest.isOn(), false, 'it stays ended');
  });

  test('not if something was done while it was being looked through', async () => {
    const { rest, jobs } = await resting();
    const before = await rest.traces();
    await jobs.add({ ...job, name: 'b', outputDir: '/srv/jobs/b' }, 'x', Date.now());
    rest.begin(before, longLookMs);
    assert.equal(await rest.isOn(), false);
  });

  test('until the next deadline of a job', async () => {
    const { rest, database } = await resting();
    const at = Date.now() + 300;
    await database.write(async (tx) => {
      await tx
        .updateTable('jobs')
        .set({ status: 'retryable', backoff_ms: at, backoff_length_ms: 300 })
        .execute();
    });
    rest.begin(await rest.traces(), longLookMs);
    assert.equal(await rest.isOn(), true);
    await sleep(at - Date.now() + 5);
    assert.equal(await rest.isOn(), false);
  });

  test('three hundred times as long as the look took', async () => {
    const { rest } = await resting();
    rest.begin(await rest.traces(), 0.5);
    assert.equal(await rest.isOn(), true);
    await sleep(155);
    assert.equal(await rest.isOn(), false);
  });
});
