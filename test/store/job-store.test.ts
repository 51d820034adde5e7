import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/core/errors.ts';
import { jobStatuses } from '../../src/core/jobs/job.ts';
import type { RetryPolicy } from '../../src/core/jobs/retry.ts';
import { needsItsPath } from '../../src/core/storage/wanted-paths.ts';
import { JobStore, type AttemptEnd, type NewJob } from '../../src/store/job-store.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { describeOnBothDatabases } from './databases.ts';
import { testLease } from './test-attempt.ts';

const policy: RetryPolicy = { maxRetries: 2, backoffMs: 60_000, infraCooldownMs: 600_000 };
const t0 = Date.parse('2026-03-01T12:00:00Z');

function newJob(name: string, more: Partial<NewJob> = {}): NewJob {
  return {
    source: 'hc',
    name,
    outputDir: `/srv/jobs/hc/${name}`,
    seeds: [],
    campaignKind: null,
    campaignYear: null,
    ...more,
  };
}

function end(kind: 'success' | 'crawl_failure' | 'infra_error' | 'interrupted'): AttemptEnd {
  return {
    event: { kind, because: 'b' },
    outcome: kind,
    because: 'b',
    exit: null,
    pages: 3,
    errorPages: 1,
    bytes: 5_000_000_000,
    progress: null,
  };
}

describeOnBothDatabases('job store', (fresh) => {
  async function stores() {
    const { database } = await fresh();
    const sources = new SourceStore(database);
    await sources.add(
      { code: 'hc', name: 'Health Canada', seeds: ['https://hc.example/'], waitSeconds: 0.5 },
      t0,
    );
    return { jobs: new JobStore(database), sources, database };
  }

  test('a new job has its source’s seeds and pause, is queued, and its history begins', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    assert.equal(job.status, 'queued');
    assert.deepEqual(job.seeds, ['https://hc.example/']);
    assert.equal(job.waitSeconds, 0.5);
    assert.equal(job.queuedAtMs, t0);
    const { events, attempts } = await jobs.history(job.id);
    assert.deepEqual(
      events.map((event) => [event.kind, event.actor, event.at_ms]),
      [['added', 'tester', t0]],
    );
    assert.deepEqual(attempts, []);
  });

  test('unknown source, a name given twice and a directory in use are refused, and nothing is written', async () => {
    const { jobs } = await stores();
    await jobs.add(newJob('a'), 'tester', t0);
    await assert.rejects(jobs.add(newJob('b', { source: 'nope' }), 'tester', t0), UsageError);
    await assert.rejects(
      jobs.add(newJob('a', { outputDir: '/srv/jobs/hc/other' }), 'tester', t0),
      UsageError,
    );
    await assert.rejects(jobs.add(newJob('c', { outputDir: '/srv/jobs/hc/a' }), 'tester', t0), UsageError);
    assert.equal((await jobs.list()).length, 1);
  });

  test('a directory inside or above that of an unfinished job is refused, whatever characters it has', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a', { outputDir: '/srv/jobs/h_/é%' }), 'tester', t0);
    for (const outputDir of ['/srv/jobs/h_/é%/warcs', '/srv/jobs/h_/é%/a/b', '/srv/jobs/h_', '/srv/jobs'])
      await assert.rejects(jobs.add(newJob('b', { outputDir }), 'tester', t0), UsageError, outputDir);
    assert.equal((await jobs.list()).length, 1);
    const beside = [
      '/srv/jobs/hc/é%',
      '/srv/jobs/h_/éx/warcs',
      '/srv/jobs/h_/é%2',
      '/srv/jobs/h_/é',
      '/srv/j',
    ];
    for (const outputDir of beside) await jobs.add(newJob(outputDir, { outputDir }), 'tester', t0);
    await jobs.command(job.id, 'cancel', 'tester', policy, t0);
    await jobs.add(newJob('b', { outputDir: '/srv/jobs/h_/é%/warcs' }), 'tester', t0);
  });

  test('a directory may be used again once its job is finished', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    await jobs.command(job.id, 'cancel', 'tester', policy, t0);
    const second = await jobs.add(newJob('b', { outputDir: '/srv/jobs/hc/a' }), 'tester', t0);
    assert.equal(second.outputDir, job.outputDir);
  });

  test('two at once can’t take the same name', async () => {
    const { jobs } = await stores();
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => jobs.add(newJob('same'), 'tester', t0)));
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
  });

  test('names and URLs are kept as they are, whatever they hold', async () => {
    const { jobs } = await stores();
    const name = `it's "odd"\n\u001b[31m; drop table jobs; -- ${'é'.repeat(2000)}`;
    const job = await jobs.add(newJob(name, { outputDir: '/srv/jobs/hc/odd' }), 'tester', t0);
    assert.equal((await jobs.find(job.id))?.name, name);
  });

  test('a claim is atomic: of many that try, one gets the job', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    const claims = await Promise.all(
      ['t1', 't2', 't3', 't4', 't5'].map((token) => jobs.claim(job.id, testLease(token), 'http', policy, t0)),
    );
    const won = claims.filter((claim) => claim !== null);
    assert.equal(won.length, 1);
    const [winner] = won;
    assert.deepEqual([winner?.status, winner?.attempts], ['running', 1]);
    assert.notEqual(winner?.lease, null);
  });

  test('a job in cooldown can’t be claimed, and is not among the eligible ones, until the cooldown is over', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    await jobs.claim(job.id, testLease('t1'), 'http', policy, t0);
    const after = await jobs.finish(job.id, 't1', end('infra_error'), 'w1', policy, t0);
    assert.equal(after?.status, 'retryable');
    assert.equal(after.crawlerStatus, 'infra_error');
    assert.equal(after.retryCount, 0);
    assert.equal(await jobs.claim(job.id, testLease('t2'), 'http', policy, t0 + 599_999), null);
    assert.deepEqual(await jobs.next({ eligibleAtMs: t0 + 599_999, limit: 10 }), []);
    assert.equal((await jobs.next({ limit: 10 })).length, 1);
    assert.equal((await jobs.next({ eligibleAtMs: t0 + 600_000, limit: 10 })).length, 1);
    assert.notEqual(await jobs.claim(job.id, testLease('t2'), 'http', policy, t0 + 600_000), null);
  });

  test('a clock that was stepped back a day can’t park a job for a day', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    await jobs.claim(job.id, testLease('t1'), 'http', policy, t0);
    await jobs.finish(job.id, 't1', end('infra_error'), 'w1', policy, t0);
    const yesterday = t0 - 86_400_000;
    await jobs.cutDeadlines(yesterday);
    assert.equal((await jobs.find(job.id))?.infraRetry?.atMs, yesterday + 600_000);
    assert.equal((await jobs.next({ eligibleAtMs: yesterday + 600_000, limit: 1 })).length, 1);
  });

  test('a write with a lease that is no longer held changes nothing', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    await jobs.claim(job.id, testLease('old'), 'http', policy, t0);
    await jobs.finish(job.id, 'old', end('interrupted'), 'w2', policy, t0);
    await jobs.claim(job.id, testLease('new'), 'http', policy, t0);
    assert.equal(await jobs.finish(job.id, 'old', end('success'), 'w1', policy, t0), null);
    assert.deepEqual(await jobs.renew(job.id, testLease('old'), null), { kind: 'lost' });
    const now = await jobs.find(job.id);
    assert.equal(now?.status, 'running');
    assert.equal(now.lease?.token, 'new');
    assert.equal((await jobs.history(job.id)).attempts[1]?.outcome, null);
  });

  test('renewal keeps progress and brings a stop request', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    await jobs.claim(job.id, testLease('t'), 'http', policy, t0);
    const progress = {
      pages: 2,
      bytes: 3_000_000_000,
      currentUrl: 'https://hc.example/x',
      bytesPerSecond: 10,
      urls: { queued: 5, archived: 2, failed: 0, barred: 1 },
    };
    assert.deepEqual(await jobs.renew(job.id, testLease('t'), progress), { kind: 'held', stopRequest: null });
    assert.equal((await jobs.command(job.id, 'cancel', 'tester', policy, t0)).kind, 'requested');
    assert.equal((await jobs.command(job.id, 'cancel', 'tester', policy, t0)).kind, 'already');
    assert.deepEqual(await jobs.renew(job.id, testLease('t'), null), { kind: 'held', stopRequest: 'cancel' });
    assert.deepEqual((await jobs.find(job.id))?.progress, progress);
  });

  test('parking changes nothing but the mark, and says so once', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    assert.equal(await jobs.park(job.id, { reason: 'dead', detail: 'ENOTCONN' }, 'w1', t0), true);
    assert.equal(await jobs.park(job.id, { reason: 'dead', detail: 'ENOTCONN' }, 'w1', t0 + 5), false);
    const parked = await jobs.find(job.id);
    assert.deepEqual({ ...parked, parked: null }, job);
    assert.deepEqual(parked?.parked, { reason: 'dead', detail: 'ENOTCONN', sinceMs: t0 });
    assert.equal(await jobs.park(job.id, null, 'w1', t0 + 9), true);
    assert.equal(await jobs.park(job.id, null, 'w1', t0 + 9), false);
    const kinds = (await jobs.history(job.id)).events.map((event) => event.kind);
    assert.deepEqual(kinds, ['added', 'parked', 'unparked']);
  });

  test('recovery asks one attempt to end, and no other; a person’s cancel stays', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    const ask = async (token: string) => await jobs.requestInterrupt(job.id, token, 'dead', 'recovery', t0);
    assert.equal(await ask('t1'), false, 'it does not run');
    await jobs.claim(job.id, testLease('t1'), 'http', policy, t0);
    assert.equal(await ask('t0'), false, 'another attempt');
    assert.deepEqual([await ask('t1'), await ask('t1')], [true, true]);
    assert.deepEqual(await jobs.renew(job.id, testLease('t1'), null), {
      kind: 'held',
      stopRequest: 'interrupt',
    });
    await jobs.command(job.id, 'cancel', 'tester', policy, t0);
    assert.equal(await ask('t1'), true);
    assert.deepEqual(await jobs.renew(job.id, testLease('t1'), null), {
      kind: 'held',
      stopRequest: 'cancel',
    });
    const kinds = (await jobs.history(job.id)).events.map((event) => event.kind);
    assert.deepEqual(kinds, ['added', 'claim', 'interrupt_requested', 'cancel_requested']);
  });

  test('recovery ends a cooldown once, of the attempt that it has decided about, and no backoff', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    const release = async (attempts: number) =>
      await jobs.release(job.id, attempts, 'proved', 'recovery', t0 + 5);
    assert.equal(await release(0), false, 'it cools down from nothing');
    await jobs.claim(job.id, testLease('t1'), 'http', policy, t0);
    assert.equal(await release(1), false, 'it runs');
    await jobs.finish(job.id, 't1', end('infra_error'), 'w1', policy, t0);
    assert.equal(await release(2), false, 'another attempt');
    assert.deepEqual([await release(1), await release(1)], [true, false]);
    const released = await jobs.find(job.id);
    assert.deepEqual([released?.status, released?.infraRetry, released?.retryCount], ['retryable', null, 0]);
    await jobs.claim(job.id, testLease('t2'), 'http', policy, t0 + 6);
    await jobs.finish(job.id, 't2', end('crawl_failure'), 'w1', policy, t0 + 7);
    assert.equal(await release(2), false);
    assert.notEqual((await jobs.find(job.id))?.backoff, null);
  });

  test('on which mount a job ran first can be forgotten, and then the next one counts', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('moved'), 'tester', t0);
    const on = (source: string) => ({ kind: 'mount', fstype: 'fuse.sshfs', source, root: '/' }) as const;
    await jobs.forgetStorage(job.id, 'right so', 'tester', t0);
    await jobs.claim(job.id, testLease('t1'), 'http', policy, t0, on('old:/'));
    await jobs.finish(job.id, 't1', end('interrupted'), 'w1', policy, t0);
    await jobs.forgetStorage(job.id, 'right so', 'tester', t0 + 1);
    assert.equal((await jobs.find(job.id))?.storageIdentity, null);
    await jobs.claim(job.id, testLease('t2'), 'http', policy, t0 + 2, on('new:/'));
    assert.deepEqual((await jobs.find(job.id))?.storageIdentity, on('new:/'));
    const { events } = await jobs.history(job.id);
    assert.equal(events.filter(({ kind }) => kind === 'storage_accepted').length, 1);
  });

  test('the order is queued_at with nulls first, then created_at, then id', async () => {
    const { jobs, database } = await stores();
    for (const [name, at] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
      ['d', 10],
    ] as const)
      await jobs.add(newJob(name), 'tester', t0 + at);
    const legacy = await jobs.add(newJob('legacy'), 'tester', t0 + 99);
    await database.write(async (tx) => {
      await tx.updateTable('jobs').set({ queued_ms: null }).where('id', '=', legacy.id).execute();
    });
    const names = (await jobs.next({ limit: 10 })).map((job) => job.name);
    assert.deepEqual(names, ['legacy', 'a', 'd', 'b', 'c']);
  });

  test('cancel and retry by a person', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    assert.equal((await jobs.command(job.id, 'retry', 'tester', policy, t0)).kind, 'already');
    assert.equal((await jobs.command(job.id, 'cancel', 'tester', policy, t0)).kind, 'done');
    assert.equal((await jobs.command(job.id, 'cancel', 'tester', policy, t0)).kind, 'already');
    assert.equal((await jobs.command(job.id, 'retry', 'tester', policy, t0)).kind, 'done');
    assert.equal((await jobs.find(job.id))?.status, 'queued');
    assert.equal((await jobs.command(999, 'retry', 'tester', policy, t0)).kind, 'unknown_job');
    await jobs.claim(job.id, testLease('t'), 'http', policy, t0);
    await jobs.finish(job.id, 't', end('success'), 'w1', policy, t0);
    assert.equal((await jobs.command(job.id, 'cancel', 'tester', policy, t0)).kind, 'illegal');
    assert.equal(
      (await jobs.command(job.id, 'retry', 'tester', policy, t0)).kind,
      'done',
      'crawled once more',
    );
    const attempt = (await jobs.history(job.id)).attempts[0];
    assert.equal(attempt?.bytes, 5_000_000_000);
  });

  test('the needed ones are those that need their paths, as needsItsPath has it; all are counted', async () => {
    const { jobs, database } = await stores();
    let made = 0;
    for (const status of jobStatuses)
      for (const campaignYear of [null, 2025, 2026]) {
        const campaignKind = campaignYear === null ? null : 'annual';
        const { id } = await jobs.add(
          newJob(`j${(made += 1)}`, { campaignKind, campaignYear }),
          'tester',
          t0,
        );
        await database.write(async (tx) => {
          await tx.updateTable('jobs').set({ status }).where('id', '=', id).execute();
        });
      }
    const expected = (await jobs.list()).filter((job) => needsItsPath(job, 2026));
    assert.equal(expected.length, 11);
    assert.deepEqual(await jobs.needed(2026), expected);
    assert.deepEqual(
      await jobs.countByStatus(),
      Object.fromEntries(jobStatuses.map((status) => [status, 3])),
    );
  });

  test('who has had an attempt at a path or below it, by path', async () => {
    const { jobs } = await stores();
    const on = { kind: 'mount', fstype: 'fuse.sshfs', source: 'box:/', root: '/' } as const;
    const outputDirs = ['/srv/jobs/a', '/srv/jobs/a/deep', '/srv/jobs/a0', '/srv/jobs/a.b', '/srv/jobs/é/x'];
    for (const [index, outputDir] of outputDirs.entries()) {
      const { id } = await jobs.add(newJob(`j${index}`, { outputDir }), 'tester', t0 + index);
      await jobs.claim(id, testLease(`t${index}`), 'http', policy, t0 + index, index === 0 ? on : null);
      await jobs.finish(id, `t${index}`, end('success'), 'w1', policy, t0 + index);
    }
    await jobs.add(newJob('fresh', { outputDir: '/srv/jobs/a/new' }), 'tester', t0);
    const at = async (...paths: string[]) => {
      const found = await jobs.attemptedAt(paths);
      return [...found].map(([path, there]) => [path, there.map(({ id }) => id).sort()]).sort();
    };
    assert.deepEqual(await at('/srv/jobs/a'), [['/srv/jobs/a', [1, 2]]]);
    assert.deepEqual(await at('/srv/jobs/a/deep', '/srv/jobs/é', '/srv/jobs/a/new'), [
      ['/srv/jobs/a/deep', [2]],
      ['/srv/jobs/é', [5]],
    ]);
    assert.deepEqual(await at('/'), [['/', [1, 2, 3, 4, 5]]]);
    assert.deepEqual(await at(), []);
    assert.deepEqual((await jobs.attemptedAt(['/srv/jobs/a'])).get('/srv/jobs/a')?.[0]?.storageIdentity, on);
  });

  test('what a job has archived is known over all its attempts, wherever the job is read', async () => {
    const { jobs } = await stores();
    const job = await jobs.add(newJob('a'), 'tester', t0);
    assert.equal(job.mostArchivedBytes, 0);
    const claimed = await jobs.claim(job.id, testLease('t'), 'http', policy, t0);
    assert.equal(claimed?.mostArchivedBytes, 0);
    await jobs.finish(job.id, 't', end('interrupted'), 'w1', policy, t0);
    await jobs.claim(job.id, testLease('u'), 'http', policy, t0 + 1);
    await jobs.finish(job.id, 'u', { ...end('interrupted'), bytes: 0 }, 'w1', policy, t0 + 2);
    const next = await jobs.next({ eligibleAtMs: t0 + 1e9, limit: 5, offset: 0 });
    const read = [await jobs.find(job.id), ...(await jobs.list()), ...next];
    assert.deepEqual(
      read.map((each) => each?.mostArchivedBytes),
      [5_000_000_000, 5_000_000_000, 5_000_000_000],
    );
  });
});
