import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decideRecovery } from '../../../src/core/recovery/decide.ts';
import { emptyHistory, type PastRecovery, type RecoveryHistory } from '../../../src/core/recovery/history.ts';
import type { Intent } from '../../../src/core/recovery/intent.ts';
import type { RecoveryPolicy } from '../../../src/core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../../../src/core/recovery/recovery-world.ts';
import { base, crawl, mountOf, NOW, path, policy, restarting, unit, world } from './worlds.ts';

interface Case {
  readonly what: string;
  readonly world: RecoveryWorld;
  readonly policy?: Partial<RecoveryPolicy>;
  readonly recoveries?: readonly Partial<PastRecovery>[];
  readonly intent?: Intent;
  /** `kind path`. */
  readonly steps?: readonly string[];
  readonly refusals?: readonly string[];
}

const tiered = (name: string) => [`unmount /jobs/${name}`, `bind /jobs/${name}`];
const cooldown = (name: string, beganAtMs = NOW - 5000, jobId = 1) => ({
  jobId,
  outputDir: `/jobs/${name}`,
  beganAtMs,
});
const intent: Intent = {
  unit: 'worker.service',
  bootId: 'boot',
  invocationId: 'one',
  fileState: 'enabled',
  stoppedAtMs: NOW - 1000,
};
const stopped = unit('worker.service', { active: 'inactive', sub: 'dead' });
const waitingFor = (ms: number) => ({ hungForMs: ms, waitingRequests: 2 });

const cases: readonly Case[] = [
  { what: 'all is well', world: world([path('a', 'healthy')]) },
  {
    what: 'a dead bind, the base is healthy',
    world: world([path('a', 'dead'), path('b', 'healthy')]),
    steps: [...tiered('a'), 'verify /jobs/a'],
  },
  {
    what: 'base and binds are dead: the base first, which systemd is restarting',
    world: world([path('a', 'dead'), path('b', 'dead')], {
      base: base('dead', { unitState: unit('base.service', restarting) }),
    }),
    steps: ['restart /box', ...tiered('a'), ...tiered('b'), 'verify /jobs/a', 'verify /jobs/b'],
  },
  {
    what: 'the crawl on the dead path is ended, the one on the healthy path is not',
    world: world([path('a', 'dead'), path('b', 'healthy')], {
      crawls: [crawl('a', 'dead', 1), crawl('b', 'healthy', 2)],
    }),
    steps: ['interrupt /jobs/a', ...tiered('a'), 'verify /jobs/a', 'release /jobs/a'],
  },
  {
    what: 'a crawl of which nobody knows where it writes holds every path back',
    world: world([path('a', 'dead')], {
      crawls: [{ attempt: '7-001', jobId: 7, outputDir: '/', state: 'unknown' }],
    }),
    refusals: ['crawl_running'],
  },
  {
    what: 'one lookup says dead, another does not',
    world: world([path('a', 'dead', { isConfirmed: false })], {}),
    refusals: ['unconfirmed'],
  },
  {
    what: 'the base is gone and its bind works (F10): left for as long as a crawl is on it',
    world: world([path('a', 'healthy')], { base: base('missing'), crawls: [crawl('a', 'healthy')] }),
    refusals: ['base_in_use'],
  },
  {
    what: 'the base is gone, its bind works, and nobody crawls there: both are mounted anew',
    world: world([path('a', 'healthy')], { base: base('missing') }),
    steps: ['restart /box', ...tiered('a'), 'verify /jobs/a'],
  },
  {
    what: 'missing, tiered again',
    world: world([path('a', 'missing')]),
    steps: ['bind /jobs/a', 'verify /jobs/a'],
  },
  {
    what: 'missing, and a crawl runs in the local directory',
    world: world([path('a', 'missing')], { crawls: [crawl('a', 'missing')] }),
    refusals: ['crawl_running'],
  },
  {
    what: 'a mount of its own is taken off and its unit started; the base is left alone',
    world: world([path('a', 'dead', { own: true }), path('b', 'healthy')]),
    steps: ['clear /jobs/a', 'restart /jobs/a', 'verify /jobs/a'],
  },
  {
    what: 'a mount of its own whose unit is just starting is waited for',
    world: world([
      path('a', 'dead', {
        own: true,
        unitState: unit('a.service', { active: 'activating', sub: 'start-pre' }),
      }),
    ]),
    steps: ['restart /jobs/a', 'verify /jobs/a'],
  },
  {
    what: 'a mount of its own whose unit is masked',
    world: world([path('a', 'dead', { own: true, unitState: unit('a.service', { load: 'masked' }) })]),
    refusals: ['unit_unusable'],
  },
  {
    what: 'dead, and nobody knows how to mount it',
    world: world([path('a', 'dead', { mountedBy: 'none', coldPath: null })]),
    refusals: ['not_mountable'],
  },
  ...(['degraded', 'hung', 'wrong_source', 'unwritable', 'denied', 'unknown'] as const).map(
    (state): Case => ({
      what: `${state}: raised, and nothing else`,
      world: world([path('a', state)], { crawls: [crawl('a', state)] }),
      refusals: [`storage_${state}`],
    }),
  ),
  {
    what: 'hung, and aborted after the time that is configured',
    world: world([path('a', 'hung')], {
      base: base('hung', {
        ...waitingFor(61_000),
        report: { ...base('hung').report, mount: mountOf('0:66') },
      }),
      crawls: [crawl('a', 'hung')],
    }),
    policy: { abortHungAfterMs: 60_000 },
    steps: [
      'abort /box',
      'interrupt /jobs/a',
      'restart /box',
      ...tiered('a'),
      'verify /jobs/a',
      'release /jobs/a',
    ],
  },
  {
    what: 'hung for too short a time',
    world: world([], { base: base('hung', waitingFor(59_000)) }),
    policy: { abortHungAfterMs: 60_000 },
    refusals: ['storage_hung'],
  },
  {
    what: 'hung, but no request waits',
    world: world([], { base: base('hung', { hungForMs: 61_000, waitingRequests: 0 }) }),
    policy: { abortHungAfterMs: 60_000 },
    refusals: ['storage_hung'],
  },
  {
    what: 'a deploy runs',
    world: world([path('a', 'dead')], { deployLock: 'held' }),
    refusals: ['deploy_lock'],
  },
  {
    what: 'a stale deploy lock suppresses nothing',
    world: world([path('a', 'dead')], { deployLock: 'stale' }),
    steps: [...tiered('a'), 'verify /jobs/a'],
  },
  {
    what: 'a cooldown on a repaired path ends, another one does not',
    world: world([path('a', 'dead'), path('b', 'healthy')], {
      cooldowns: [cooldown('a'), cooldown('b', NOW - 5000, 2)],
    }),
    steps: [...tiered('a'), 'verify /jobs/a', 'release /jobs/a'],
  },
  {
    what: 'a crawl that noticed only after the repair',
    world: world([path('a', 'healthy')], { cooldowns: [cooldown('a', NOW - 1000)] }),
    recoveries: [{ atMs: NOW - 10_000, paths: ['/jobs/a'] }],
    steps: ['release /jobs/a'],
  },
  {
    what: 'a job that was released before and fails again waits',
    world: world([path('a', 'healthy')], { cooldowns: [cooldown('a', NOW - 1000)] }),
    recoveries: [{ atMs: NOW - 10_000, paths: ['/jobs/a'], released: [1] }],
  },
  {
    what: 'the same mount again: backoff',
    world: world([path('a', 'dead'), path('b', 'dead')]),
    recoveries: [{ atMs: NOW - 29_000, paths: ['/jobs/a'] }],
    steps: [...tiered('b'), 'verify /jobs/b'],
    refusals: ['backoff'],
  },
  {
    what: 'a recovery that was killed does not hold back the next one',
    world: world([path('a', 'dead')]),
    recoveries: [{ atMs: NOW - 1000, paths: ['/jobs/a'], outcome: 'unfinished' }],
    steps: [...tiered('a'), 'verify /jobs/a'],
  },
  {
    what: 'nobody knows what was repaired: everything waits',
    world: world([path('a', 'dead')]),
    recoveries: [{ atMs: NOW - 1000, paths: null }],
    refusals: ['backoff'],
  },
  {
    what: 'six recoveries in an hour',
    world: world([path('a', 'dead')]),
    recoveries: Array.from({ length: 6 }, (_, n) => ({ atMs: NOW - n * 60_000, paths: ['/jobs/other'] })),
    refusals: ['capped_hour'],
  },
  {
    what: 'six recoveries for one job in a day hold back that job’s path alone',
    world: world([path('a', 'dead', { jobs: [3] }), path('b', 'dead', { jobs: [4] })]),
    recoveries: Array.from({ length: 6 }, (_, n) => ({
      atMs: NOW - (n + 2) * 3_600_000,
      paths: ['/jobs/a'],
      jobs: [3],
    })),
    steps: [...tiered('b'), 'verify /jobs/b'],
    refusals: ['capped_job'],
  },
  {
    what: 'the worker that recovery has stopped comes back',
    world: world([path('a', 'healthy')], { worker: stopped }),
    intent,
    steps: ['start-worker'],
  },
  {
    what: 'whatever else is broken',
    world: world([path('a', 'unwritable')], { worker: stopped }),
    intent,
    steps: ['start-worker'],
    refusals: ['storage_unwritable'],
  },
  {
    what: 'not after somebody else has started it since',
    world: world([], { worker: { ...stopped, invocationId: 'two' } }),
    intent,
  },
  {
    what: 'not after somebody has disabled it',
    world: world([], { worker: { ...stopped, fileState: 'disabled' } }),
    intent,
  },
  { what: 'not after a boot', world: world([], { worker: stopped, bootId: 'next' }), intent },
];

function historyOf(recoveries: readonly Partial<PastRecovery>[] = []): RecoveryHistory {
  const complete = recoveries.map((recovery): PastRecovery => ({
    atMs: NOW,
    paths: [],
    jobs: [],
    outcome: 'done',
    released: [],
    ...recovery,
  }));
  return { ...emptyHistory, recoveries: complete };
}

describe('what recovery decides', () => {
  for (const c of cases) {
    test(c.what, () => {
      const memory = { history: historyOf(c.recoveries), intent: c.intent ?? null };
      const plan = decideRecovery(c.world, { ...policy, ...c.policy }, memory, NOW);
      assert.deepEqual(
        plan.steps.map((step) => (step.path === null ? step.kind : `${step.kind} ${step.path}`)),
        c.steps ?? [],
      );
      assert.deepEqual(
        plan.refusals.map(({ code }) => code),
        c.refusals ?? [],
      );
      for (const step of plan.steps) assert.notEqual(step.because, '');
    });
  }
});

test('before anything is stopped, the plan says what dies and who runs there', () => {
  const plan = decideRecovery(
    world([path('a', 'dead'), path('b', 'dead'), path('c', 'healthy')], {
      crawls: [crawl('a', 'dead', 1), crawl('c', 'healthy', 2)],
    }),
    policy,
    { history: emptyHistory, intent: null },
    NOW,
  );
  assert.deepEqual(plan.blastRadius, [
    {
      device: '0:66',
      source: 'u@box:',
      because: 'dead already',
      paths: ['/jobs/a', '/jobs/b'],
      crawls: ['1-001'],
    },
  ]);
  assert.deepEqual(plan.needsRepair, ['/jobs/a', '/jobs/b']);
});
