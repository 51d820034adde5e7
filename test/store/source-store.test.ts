import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/core/errors.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { SourceStore, type Source } from '../../src/store/source-store.ts';
import { describeOnBothDatabases, type TestDatabase } from './databases.ts';

const policy = { maxRetries: 2, backoffMs: 1000, infraCooldownMs: 1000 };

const hc = {
  code: 'hc',
  name: `Santé "Canada"\n\u001b[31m '; drop table sources; --`,
  seeds: ['https://hc.example/', 'https://hc.example/fr/'],
  waitSeconds: 0.25,
};

describeOnBothDatabases('source store', (fresh) => {
  let shared: TestDatabase | null = null;

  /** An empty store; its database is made once. */
  async function store(): Promise<SourceStore> {
    shared ??= await fresh();
    await shared.database.write(async (tx) => await tx.deleteFrom('sources').execute());
    return new SourceStore(shared.database);
  }

  test('a source comes back as it was given, with the time it was added', async () => {
    const sources = await store();
    const added: Source = { ...hc, createdAtMs: 1_772_000_000_123 };
    assert.deepEqual(await sources.add(hc, added.createdAtMs), added);
    assert.deepEqual(await sources.list(), [added]);
  });

  test('the list is in the order of the codes', async () => {
    const sources = await store();
    for (const code of ['phac', 'cihr', 'hc']) await sources.add({ ...hc, code }, 1);
    assert.deepEqual(
      (await sources.list()).map((source) => source.code),
      ['cihr', 'hc', 'phac'],
    );
  });

  test('a code that is taken is refused, and the first one stays', async () => {
    const sources = await store();
    const first = await sources.add(hc, 1);
    await assert.rejects(sources.add({ ...hc, name: 'another' }, 2), UsageError);
    assert.deepEqual(await sources.list(), [first]);
  });

  test('of two that add the same code at once, one is refused', async () => {
    const sources = await store();
    const results = await Promise.allSettled([1, 2, 3].map(async (nowMs) => await sources.add(hc, nowMs)));
    const refusals = results.filter((result) => result.status === 'rejected');
    assert.equal(refusals.length, 2);
    for (const { reason } of refusals) assert.ok(reason instanceof UsageError, String(reason));
  });

  test('a source is edited: what is not named stays', async () => {
    const sources = await store();
    const added = await sources.add(hc, 1);
    const edited = { ...added, seeds: ['https://new.example/'], waitSeconds: 3 };
    assert.deepEqual(await sources.edit('hc', { seeds: edited.seeds, waitSeconds: 3 }), edited);
    assert.deepEqual(await sources.list(), [edited]);
    await assert.rejects(sources.edit('phac', { name: 'x' }), UsageError);
  });

  test('a source is removed once no unfinished job needs it, and can come back', async () => {
    const { database } = await fresh();
    const sources = new SourceStore(database);
    const jobs = new JobStore(database);
    await sources.add(hc, 1);
    const newJob = {
      source: 'hc',
      name: 'one',
      outputDir: '/j/one',
      seeds: [],
      campaignKind: null,
      campaignYear: null,
    };
    const job = await jobs.add(newJob, 'me', 2);
    assert.deepEqual(await sources.remove('hc', 3), [job.id]);
    assert.equal((await sources.list()).length, 1);
    await jobs.command(job.id, 'cancel', 'me', policy, 4);
    assert.deepEqual(await sources.remove('hc', 5), []);
    assert.deepEqual(await sources.list(), []);
    assert.equal((await jobs.find(job.id))?.source, 'hc', 'its job stays');
    for (const attempt of [
      () => sources.remove('hc', 6),
      () => sources.edit('hc', { name: 'x' }),
      () => jobs.add({ ...newJob, name: 'two', outputDir: '/j/two' }, 'me', 6),
    ])
      await assert.rejects(attempt, UsageError);
    const retried = await jobs.command(job.id, 'retry', 'me', policy, 7);
    assert.equal(retried.kind, 'taken');
    assert.deepEqual(await sources.add({ ...hc, name: 'again' }, 8), {
      ...hc,
      name: 'again',
      createdAtMs: 8,
    });
    assert.equal((await sources.list())[0]?.name, 'again');
    assert.equal((await jobs.command(job.id, 'retry', 'me', policy, 9)).kind, 'done');
  });
});
