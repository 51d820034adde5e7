import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  cleanSteps,
  decideDeploy,
  decideReturn,
  decideRollback,
  fallbackOf,
  mustGoBack,
} from '../../../src/core/deploy/decide-deploy.ts';
import type { DeployPolicy, DeployStep, DeployWorld } from '../../../src/core/deploy/deploy-world.ts';

const unit = 'healtharchive-worker.service';
const entry = { from: '/src main', at: '2026-11-26T00:00:00Z' } as const;
const release = (name: string, madeAtMs = 1) => ({ name, madeAtMs, isRunning: false });
const calm: DeployWorld = {
  current: 'old',
  releases: [release('old')],
  record: [],
  leftovers: [],
  worker: { unit, isUp: true, release: 'old', isOutdated: false },
  outdatedUnits: [],
  runningJobs: 0,
};
const wanted = { name: 'new', from: '/src main', title: '1.0.0, commit new' };
const policy: DeployPolicy = { isRestartSkipped: false, isForced: false, keep: 5 };

const kinds = (steps: readonly DeployStep[]): string =>
  steps.map((step) => (step.unit === undefined ? step.kind : `${step.kind}:worker`)).join(' ');
const use = 'try migrate switch restart restart:worker prove';
const deployed: DeployWorld = {
  ...calm,
  current: 'new',
  releases: [release('old'), release('new', 2)],
  record: [{ ...entry, release: 'new', before: 'old', state: 'proved' }],
  worker: { ...calm.worker, release: 'new' },
};
const brokenOff: DeployWorld = {
  ...deployed,
  record: [{ ...entry, release: 'new', before: 'old', state: 'begun' }],
};

describe('what a deploy does', () => {
  const rows: readonly (readonly [string, DeployWorld, DeployPolicy, string])[] = [
    ['everything, the first time', calm, policy, `build check release ${use}`],
    ['nothing is built twice', { ...calm, releases: [release('old'), release('new')] }, policy, use],
    ['nothing, when it is in use and healthy', deployed, policy, ''],
    [
      'only the worker, where it was left',
      { ...deployed, worker: calm.worker },
      policy,
      'restart:worker prove',
    ],
    [
      'not even that, if nothing is to be restarted',
      { ...deployed, worker: calm.worker },
      { ...policy, isRestartSkipped: true },
      '',
    ],
    [
      'units that a deploy which was broken off did not restart',
      { ...deployed, outdatedUnits: ['healtharchive-metrics.timer'] },
      policy,
      'restart prove',
    ],
    [
      'a worker whose unit has changed',
      { ...deployed, worker: { ...deployed.worker, isOutdated: true } },
      policy,
      'restart:worker prove',
    ],
    [
      'one that was broken off after the switch, once more',
      brokenOff,
      policy,
      'try migrate switch restart prove',
    ],
    [
      'a worker that is down stays down',
      { ...calm, worker: { ...calm.worker, isUp: false, release: null } },
      policy,
      'build check release try migrate switch restart prove',
    ],
    [
      'nothing is restarted, if that is asked for',
      calm,
      { ...policy, isRestartSkipped: true },
      'build check release try migrate switch prove',
    ],
    [
      'the oldest go, once there are more than are kept',
      { ...calm, releases: [release('old', 9), ...[1, 2, 3, 4, 5].map((made) => release(`r${made}`, made))] },
      policy,
      `build check release ${use} prune prune`,
    ],
  ];
  for (const [name, world, how, expected] of rows)
    test(name, () => {
      assert.equal(kinds(decideDeploy(world, wanted, how)), expected);
    });

  test('the steps are the same whether jobs run or not; what becomes of the worker then is said', () => {
    const becauseWith = (runningJobs: number | null, isForced: boolean) =>
      decideDeploy({ ...calm, runningJobs }, wanted, { ...policy, isForced }).find(
        (step) => step.unit === unit,
      )?.because ?? '';
    assert.match(becauseWith(2, false), /left for later \(now 2 jobs run\)/);
    assert.match(becauseWith(1, false), /now 1 job runs/);
    assert.match(becauseWith(null, false), /database does not say/);
    assert.match(becauseWith(2, true), /one attempt more/);
  });
});

test('a rollback tries the release, and migrates nothing back', () => {
  const steps = decideRollback(deployed, { ...wanted, name: 'old' }, policy);
  assert.equal(kinds(steps), 'try switch restart restart:worker prove');
});

describe('whether to go back', () => {
  const result = (kind: DeployStep['kind'], outcome: 'done' | 'failed' | 'skipped') => ({
    step: { kind, path: null, because: '' },
    outcome,
    error: null,
    durationMs: 0,
  });
  const rows: readonly (readonly [string, Parameters<typeof mustGoBack>[0], boolean])[] = [
    ['all is well', [result('switch', 'done'), result('prove', 'done')], false],
    ['it failed before the switch', [result('check', 'failed'), result('switch', 'skipped')], false],
    ['the switch itself failed', [result('switch', 'failed'), result('prove', 'skipped')], true],
    [
      'a restart failed',
      [result('switch', 'done'), result('restart', 'failed'), result('prove', 'skipped')],
      true,
    ],
    ['it is not healthy', [result('switch', 'done'), result('prove', 'failed')], true],
    [
      'an old release could not be removed',
      [result('switch', 'done'), result('prove', 'done'), result('prune', 'failed')],
      false,
    ],
    [
      'it was in use already, and a restart failed',
      [result('restart', 'failed'), result('prove', 'skipped')],
      false,
    ],
  ];
  for (const [name, results, expected] of rows)
    test(name, () => {
      assert.equal(mustGoBack(results), expected);
    });
});

describe('the way back when the new release is not healthy', () => {
  test('at once, with the worker if it was up and is not the one before', () => {
    const old = { ...wanted, name: 'old' };
    assert.equal(kinds(decideReturn(deployed, old, true)), 'switch restart restart:worker prove');
    const fallen = { ...deployed, worker: { ...calm.worker, isUp: false, release: null } };
    assert.equal(kinds(decideReturn(fallen, old, true)), 'switch restart restart:worker prove');
    assert.equal(kinds(decideReturn(fallen, old, false)), 'switch restart prove');
    const crawling = { ...deployed, worker: calm.worker };
    assert.equal(kinds(decideReturn(crawling, old, true)), 'switch restart prove');
  });
  test('leads to the release in use, or where that is unproved to the last healthy one', () => {
    assert.equal(fallbackOf(calm, 'new'), 'old');
    assert.equal(fallbackOf(brokenOff, 'new'), 'old');
    assert.equal(fallbackOf(brokenOff, 'third'), 'old');
    assert.equal(fallbackOf(deployed, 'old'), 'new');
    assert.equal(fallbackOf({ ...brokenOff, releases: [release('new')] }, 'new'), null);
  });
});

test('what is left is cleared away, each path of it', () => {
  assert.deepEqual(
    cleanSteps({ ...calm, leftovers: ['/a.unfinished', '/b.unfinished'] }).map(({ path }) => path),
    ['/a.unfinished', '/b.unfinished'],
  );
});
