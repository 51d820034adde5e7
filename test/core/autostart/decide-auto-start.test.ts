import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  cutAutoStartMemory,
  emptyAutoStartMemory,
  lostAutoStartMemory,
  rememberLook,
  rememberStart,
  type AutoStartMemory,
} from '../../../src/core/autostart/auto-start-memory.ts';
import type {
  AutoStartPolicy,
  AutoStartWorld,
  SeenJobs,
} from '../../../src/core/autostart/auto-start-world.ts';
import { decideAutoStart, shouldWorkerRun } from '../../../src/core/autostart/decide-auto-start.ts';
import { storageStates } from '../../../src/core/storage/path-state.ts';
import type { UnitState } from '../../../src/core/units/unit-state.ts';

const now = 1_700_000_000_000;
const minute = 60_000;
const unit = 'healtharchive-worker.service';
const policy: AutoStartPolicy = {
  cooldownMs: 5 * minute,
  maxPerHour: 3,
  deployLockMaxAgeMs: 120 * minute,
};
const clock = { bootId: 'boot', bootMs: 200 * minute };

function worker(more: Partial<UnitState> = {}): UnitState {
  return {
    unit,
    load: 'loaded',
    active: 'inactive',
    sub: 'dead',
    fileState: 'enabled',
    invocationId: 'a',
    restarts: 0,
    ...more,
  };
}
const running = worker({ active: 'active', sub: 'running' });

function pending(id: number, state: (typeof storageStates)[number] = 'healthy') {
  return { id, path: `/jobs/${id}`, state, reason: 'so it is' };
}

function jobs(more: Partial<Extract<SeenJobs, { isKnown: true }>> = {}): SeenJobs {
  return { isKnown: true, pending: [pending(1)], runningHere: [], ...more };
}

function world(more: Partial<AutoStartWorld> = {}): AutoStartWorld {
  return {
    hasSentinel: true,
    deployLock: 'free',
    isRecoveryAtWork: false,
    clock,
    unit,
    unitState: worker(),
    base: { state: 'healthy', reason: 'it answers' },
    jobs: jobs(),
    ...more,
  };
}

const memory = (more: Partial<AutoStartMemory> = {}): AutoStartMemory => ({
  ...emptyAutoStartMemory,
  ...more,
});
const started = (...minutesAgo: number[]): AutoStartMemory =>
  memory({ starts: minutesAgo.map((ago) => ({ atMs: now - ago * minute })) });
const heldFor = (minutes: number): AutoStartMemory =>
  memory({ deployLock: { bootId: 'boot', sinceBootMs: clock.bootMs - minutes * minute } });

interface Case {
  readonly what: string;
  readonly world?: Partial<AutoStartWorld>;
  readonly memory?: AutoStartMemory;
  readonly starts: boolean;
  readonly codes?: readonly string[];
}

const cases: readonly Case[] = [
  { what: 'down, a job waits, its storage is there', starts: true },
  { what: 'failed', world: { unitState: worker({ active: 'failed', sub: 'failed' }) }, starts: true },
  { what: 'no storage box', world: { base: null }, starts: true },
  { what: 'it runs', world: { unitState: running }, starts: false },
  {
    what: 'systemd starts it again by itself',
    world: { unitState: worker({ active: 'activating', sub: 'auto-restart' }) },
    starts: false,
  },
  { what: 'nothing waits', world: { jobs: jobs({ pending: [] }) }, starts: false },
  { what: 'switched off', world: { hasSentinel: false }, starts: false, codes: ['no_sentinel'] },
  { what: 'a deploy', world: { deployLock: 'held' }, starts: false, codes: ['deploy_lock'] },
  {
    what: 'a deploy that began two hours ago',
    world: { deployLock: 'held' },
    memory: heldFor(120),
    starts: false,
    codes: ['deploy_lock'],
  },
  {
    what: 'a deploy lock that is older',
    world: { deployLock: 'held' },
    memory: heldFor(121),
    starts: true,
    codes: ['deploy_lock_stale'],
  },
  {
    what: 'one that was seen in another boot',
    world: { deployLock: 'held' },
    memory: memory({ deployLock: { bootId: 'other', sinceBootMs: 0 } }),
    starts: false,
    codes: ['deploy_lock'],
  },
  {
    what: 'something else in its place',
    world: { deployLock: 'unknown' },
    starts: true,
    codes: ['deploy_lock_unknown'],
  },
  {
    what: 'recovery is at work',
    world: { isRecoveryAtWork: true },
    starts: false,
    codes: ['recovery_in_progress'],
  },
  ...(['dead', 'missing', 'hung', 'degraded', 'unwritable', 'unknown'] as const).map((state): Case => ({
    what: `the base is ${state}`,
    world: { base: { state, reason: 'so it is' } },
    starts: false,
    codes: ['storage_not_healthy'],
  })),
  {
    what: 'the base is there, and the storage of no job that waits',
    world: { jobs: jobs({ pending: [pending(1, 'dead'), pending(2, 'missing')] }) },
    starts: false,
    codes: ['storage_not_healthy'],
  },
  {
    what: 'that of one of them',
    world: { jobs: jobs({ pending: [pending(1, 'dead'), pending(2)] }) },
    starts: true,
  },
  {
    what: 'a job is said to run here',
    world: { jobs: jobs({ runningHere: [7] }) },
    starts: false,
    codes: ['job_running'],
  },
  {
    what: 'a job is said to run here, and none waits',
    world: { jobs: jobs({ pending: [], runningHere: [7] }) },
    starts: false,
    codes: ['job_running'],
  },
  {
    what: 'the database does not answer',
    world: { jobs: { isKnown: false, because: 'locked' } },
    starts: false,
    codes: ['database_unreachable'],
  },
  { what: 'started just now', memory: started(4.9), starts: false, codes: ['start_cooldown'] },
  { what: 'started a while ago', memory: started(5), starts: true },
  {
    what: 'started three times within the hour',
    memory: started(50, 30, 10),
    starts: false,
    codes: ['start_cap'],
  },
  { what: 'three times, the first more than an hour ago', memory: started(61, 30, 10), starts: true },
  { what: 'a start in the future', memory: started(-600), starts: false, codes: ['start_cooldown'] },
  {
    what: 'what was done before is not known',
    memory: lostAutoStartMemory(now),
    starts: false,
    codes: ['start_cooldown'],
  },
  {
    what: 'masked',
    world: { unitState: worker({ load: 'masked' }) },
    starts: false,
    codes: ['unit_disabled'],
  },
  {
    what: 'disabled',
    world: { unitState: worker({ fileState: 'disabled' }) },
    starts: false,
    codes: ['unit_disabled'],
  },
  {
    what: 'not there',
    world: { unitState: worker({ load: 'not-found' }) },
    starts: false,
    codes: ['unit_unusable'],
  },
  { what: 'systemd is silent', world: { unitState: null }, starts: false, codes: ['unit_unknown'] },
  {
    what: 'it keeps dying',
    world: { unitState: worker({ active: 'activating', sub: 'auto-restart', restarts: 20 }) },
    memory: memory({ seenRestarts: { bootId: 'boot', sinceBootMs: clock.bootMs - 2 * minute, count: 5 } }),
    starts: false,
    codes: ['worker_keeps_dying'],
  },
  {
    what: 'it died once',
    world: { unitState: { ...running, restarts: 6 } },
    memory: memory({ seenRestarts: { bootId: 'boot', sinceBootMs: clock.bootMs - 2 * minute, count: 5 } }),
    starts: false,
  },
  {
    what: 'it has died often, in a long time',
    world: { unitState: { ...running, restarts: 20 } },
    memory: memory({ seenRestarts: { bootId: 'boot', sinceBootMs: clock.bootMs - 60 * minute, count: 5 } }),
    starts: false,
  },
];

describe('whether the worker is started', () => {
  for (const { what, world: more, memory: kept = emptyAutoStartMemory, starts, codes = [] } of cases)
    test(what, () => {
      const plan = decideAutoStart(world(more), cutAutoStartMemory(kept, now), policy, now);
      assert.deepEqual(
        [plan.steps.length, plan.refusals.map(({ code }) => code)],
        [starts ? 1 : 0, codes],
        JSON.stringify(plan),
      );
      for (const { because } of plan.refusals) assert.match(because, /\S/);
    });

  test('all that holds it back is told at once, with the step that it holds back', () => {
    const all = world({ hasSentinel: false, deployLock: 'held', jobs: jobs({ runningHere: [3] }) });
    const plan = decideAutoStart(all, started(1), policy, now);
    assert.deepEqual(
      plan.refusals.map(({ code }) => code),
      ['no_sentinel', 'deploy_lock', 'job_running', 'start_cooldown'],
    );
    assert.deepEqual([plan.steps.length, plan.held.length], [0, 1]);
  });
});

test('whether the worker should run is about jobs and storage alone', () => {
  for (const [more, expected] of [
    [{}, true],
    [{ hasSentinel: false, unitState: running }, true],
    [{ jobs: jobs({ pending: [] }) }, false],
    [{ jobs: jobs({ pending: [pending(1, 'hung')] }) }, false],
    [{ base: { state: 'degraded', reason: '' } }, false],
    [{ jobs: { isKnown: false, because: '' } }, null],
  ] as const)
    assert.equal(shouldWorkerRun(world(more)), expected);
});

const anyWorld: fc.Arbitrary<AutoStartWorld> = fc.record({
  hasSentinel: fc.boolean(),
  deployLock: fc.constantFrom('free', 'held', 'unknown'),
  isRecoveryAtWork: fc.boolean(),
  clock: fc.constant(clock),
  unit: fc.constant(unit),
  unitState: fc.option(
    fc.record({
      unit: fc.constant(unit),
      load: fc.constantFrom('loaded', 'masked', 'not-found'),
      active: fc.constantFrom('active', 'inactive', 'failed', 'activating', 'deactivating'),
      sub: fc.constantFrom('running', 'dead', 'failed', 'auto-restart', 'start-pre'),
      fileState: fc.constantFrom('enabled', 'disabled', 'masked'),
      invocationId: fc.constant('a'),
      restarts: fc.nat(30),
    }),
  ),
  base: fc.option(fc.record({ state: fc.constantFrom(...storageStates), reason: fc.string() })),
  jobs: fc.oneof(
    fc.record({ isKnown: fc.constant(false as const), because: fc.string() }),
    fc.record({
      isKnown: fc.constant(true as const),
      pending: fc.array(
        fc.record({
          id: fc.nat(),
          path: fc.string(),
          state: fc.constantFrom(...storageStates),
          reason: fc.string(),
        }),
        { maxLength: 4 },
      ),
      runningHere: fc.array(fc.nat(), { maxLength: 2 }),
    }),
  ),
});

const anyMemory: fc.Arbitrary<AutoStartMemory> = fc.record({
  starts: fc.array(fc.record({ atMs: fc.integer({ min: now - 3 * 60 * minute, max: now + 60 * minute }) }), {
    maxLength: 5,
  }),
  deployLock: fc.option(fc.record({ bootId: fc.constantFrom('boot', 'other'), sinceBootMs: fc.nat() })),
  seenRestarts: fc.option(
    fc.record({ bootId: fc.constantFrom('boot', 'other'), sinceBootMs: fc.nat(), count: fc.nat(30) }),
  ),
});

test('property: it starts only a worker that is down and should run; what is down with jobs waiting has a step or a refusal', () => {
  fc.assert(
    fc.property(anyWorld, anyMemory, (seen, kept) => {
      const plan = decideAutoStart(seen, cutAutoStartMemory(kept, now), policy, now);
      if (plan.steps.length > 0) {
        assert.equal(shouldWorkerRun(seen), true);
        assert.ok(seen.hasSentinel && seen.unitState !== null && seen.unitState.active !== 'active');
        assert.ok(seen.jobs.isKnown && seen.jobs.runningHere.length === 0);
        assert.equal(plan.held.length, 0);
      }
      const isWaitedFor = seen.jobs.isKnown && seen.jobs.pending.length > 0;
      const isDown = seen.unitState?.active === 'inactive' && seen.unitState.sub === 'dead';
      if (isDown && isWaitedFor) assert.equal(plan.steps.length + plan.held.length, 1);
      if (plan.held.length > 0) assert.ok(plan.refusals.some(({ holdsBack }) => holdsBack));
    }),
  );
});

test('property: started, it is not started again, and never more often than is allowed', () => {
  fc.assert(
    fc.property(
      anyWorld,
      fc.array(fc.integer({ min: 0, max: 4 * minute }), { maxLength: 60 }),
      (seen, pauses) => {
        let kept = emptyAutoStartMemory;
        let time = now;
        const starts: number[] = [];
        for (const pause of pauses) {
          time += pause;
          kept = cutAutoStartMemory(kept, time);
          const plan = decideAutoStart(seen, kept, policy, time);
          kept = rememberLook(kept, seen);
          if (plan.steps.length === 0) continue;
          kept = rememberStart(kept, time);
          starts.push(time);
          const again = decideAutoStart({ ...seen, unitState: running }, kept, policy, time);
          assert.equal(again.steps.length, 0);
        }
        for (const at of starts) {
          const hour = starts.filter((other) => other <= at && at - other < 60 * minute);
          assert.ok(hour.length <= policy.maxPerHour);
        }
      },
    ),
  );
});
