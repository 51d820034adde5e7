import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BASE, BASE_UNIT, JOBS } from '../../simulation/host-model.ts';
import { broken, crawl, decideNow, mountedAnew, recovery, type Case } from './worlds.ts';

describe('what holds recovery back', () => {
  for (const [what, memory, world, code] of [
    ['nothing', {}, {}, null],
    ['a repair of the same place just now', { recoveries: [recovery(10)] }, {}, 'backoff'],
    ['one that is long enough ago', { recoveries: [recovery(31)] }, {}, null],
    ['two of them: twice the wait', { recoveries: [recovery(100), recovery(31)] }, {}, 'backoff'],
    ['one of another place', { recoveries: [recovery(10, { paths: [`${JOBS}/b`] })] }, {}, null],
    ['one of nobody knows what', { recoveries: [recovery(10, { paths: null })] }, {}, 'backoff'],
    ['one that was killed', { recoveries: [recovery(10, { outcome: 'unfinished' })] }, {}, null],
    [
      'six within the hour',
      { recoveries: [1, 2, 3, 4, 5, 6].map((n) => recovery(n * 500, { paths: [] })) },
      {},
      'capped_hour',
    ],
    [
      'twenty-four within the day',
      { recoveries: Array.from({ length: 24 }, (_, n) => recovery(4000 + n * 3000, { paths: [] })) },
      {},
      'capped_day',
    ],
    [
      'this run itself, which sees it broken again',
      { recoveries: [recovery(0, { run: 'this' })] },
      {},
      'backoff',
    ],
    ['a stamp from tomorrow counts as now', { recoveries: [recovery(-86_400)] }, {}, 'backoff'],
    ['no sentinel', {}, { hasSentinel: false }, 'no_sentinel'],
    ['a deploy', {}, { deployLock: 'held' }, 'deploy_lock'],
  ] as const) {
    test(what, () => {
      const plan = decideNow({ ...broken, world }, memory);
      const [done, held] = code === null ? [3, 0] : [0, 3];
      assert.deepEqual([plan.steps.length, plan.held.length], [done, held]);
      assert.deepEqual(
        plan.refusals.map((refusal) => refusal.code),
        code === null ? [] : [code],
      );
    });
  }

  test('what something else is in the place of the deploy lock is said, and holds nothing back', () => {
    const plan = decideNow({ ...broken, world: { deployLock: 'unknown' } });
    assert.deepEqual(
      [plan.steps.length, plan.refusals.map(({ code }) => code)],
      [3, ['deploy_lock_unknown']],
    );
  });

  test('a deploy lock that every run has seen held for two hours is stale', () => {
    const longAgo = { deployLock: { bootId: 'boot', sinceBootMs: 1_000_000 - 7_300_000 } };
    const plan = decideNow({ ...broken, world: { deployLock: 'held' } }, longAgo);
    assert.deepEqual([plan.steps.length, plan.refusals.map(({ code }) => code)], [3, ['deploy_lock_stale']]);
    const otherBoot = { deployLock: { bootId: 'before', sinceBootMs: -9e9 } };
    assert.equal(decideNow({ ...broken, world: { deployLock: 'held' } }, otherBoot).steps.length, 0);
  });

  test('a job that was interrupted six times today is not interrupted for its storage again', () => {
    const withCrawl: Case = {
      ...broken,
      breaks: (scene) => {
        crawl(scene, 'a');
        mountedAnew(scene);
      },
    };
    const times = (count: number) => ({
      recoveries: Array.from({ length: count }, (_, n) =>
        recovery(4000 + n * 3700, { jobs: [1], paths: [] }),
      ),
    });
    assert.deepEqual(decideNow(withCrawl, times(5)).steps.length, 4);
    const plan = decideNow(withCrawl, times(6));
    assert.deepEqual([plan.steps.length, plan.refusals[0]?.code], [0, 'capped_job']);
  });

  test('the base waits for the limits of what its restart would break', () => {
    const unmounted: Case = {
      ...broken,
      breaks: ({ host }) => {
        host.unmountTop(BASE);
      },
    };
    const plan = decideNow(unmounted, { recoveries: [recovery(10)] });
    assert.deepEqual([plan.steps.length, plan.refusals[0]?.code], [0, 'backoff']);
    assert.match(plan.refusals[0]?.because ?? '', /\/jobs\/a, which it would break/);
  });

  describe('what an earlier run took off', () => {
    const missing: Case = {
      ...broken,
      breaks: ({ host }) => {
        host.unmountTop(`${JOBS}/a`);
      },
    };
    const full = { recoveries: [1, 2, 3, 4, 5, 6].map((n) => recovery(n)) };
    const owed = { path: `${JOBS}/a`, coldPath: `${BASE}/jobs/a`, unit: null, isRetried: false };

    test('is put back whatever the limits say', () => {
      assert.equal(decideNow(missing, full).steps.length, 0);
      const { steps } = decideNow(missing, { ...full, takenOff: [owed] });
      assert.deepEqual(
        steps.map(({ kind }) => kind),
        ['bind', 'verify'],
      );
    });

    test('but only once, and not while a deploy runs', () => {
      assert.equal(decideNow(missing, { ...full, takenOff: [{ ...owed, isRetried: true }] }).steps.length, 0);
      const deploying: Case = { ...missing, world: { deployLock: 'held' } };
      assert.equal(decideNow(deploying, { ...full, takenOff: [owed] }).steps.length, 0);
    });
  });

  test('waiting for systemd is not counted, and not held back by limits', () => {
    const starting: Case = {
      ...broken,
      breaks: ({ host }) => {
        host.killSshfs(BASE_UNIT);
      },
    };
    const full = { recoveries: [1, 2, 3, 4, 5, 6].map((n) => recovery(n)) };
    assert.deepEqual(
      decideNow(starting, full).steps.map(({ kind }) => kind),
      ['wait'],
    );
  });
});
