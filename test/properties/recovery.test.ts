/** The rules that are never bent (ARCHITECTURE.md), held against any world. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decideRecovery } from '../../src/core/recovery/decide.ts';
import { emptyHistory } from '../../src/core/recovery/history.ts';
import type { RecoveryPlan } from '../../src/core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../../src/core/recovery/recovery-world.ts';
import { isAtOrBelow } from '../../src/core/storage/path-relation.ts';
import { storageStates } from '../../src/core/storage/path-state.ts';
import { base, mountOf, NOW, path, policy, restarting, unit, world } from '../core/recovery/worlds.ts';

const state = fc.constantFrom(...storageStates);
const unitState = fc.constantFrom(
  unit('u.service'),
  unit('u.service', restarting),
  unit('u.service', { active: 'activating', sub: 'start' }),
  unit('u.service', { active: 'failed', sub: 'failed' }),
  unit('u.service', { load: 'masked' }),
  null,
);
const names = ['a', 'a/in', 'b', 'c', 'd'];

const anyPath = (name: string) =>
  fc
    .record({
      state,
      own: fc.boolean(),
      isConfirmed: fc.boolean(),
      device: fc.constantFrom('0:66', '0:77', '0:88'),
      hungForMs: fc.constantFrom(null, 1000, 100_000),
      waitingRequests: fc.constantFrom(null, 0, 3),
      unitState,
      mountedBy: fc.constantFrom('as is', 'none'),
    })
    .map(({ device, own, mountedBy, unitState: ownUnit, ...rest }) =>
      path(name, rest.state, {
        ...rest,
        own,
        mount: rest.state === 'missing' ? null : mountOf(device),
        ...(own ? { unitState: ownUnit } : {}),
        ...(mountedBy === 'none' ? { mountedBy } : {}),
      }),
    );

const anyWorld = fc
  .record({
    paths: fc.tuple(...names.map(anyPath)),
    crawls: fc.subarray(names),
    baseState: state,
    baseUnit: unitState,
    isConfirmed: fc.boolean(),
    hungForMs: fc.constantFrom(null, 1000, 100_000),
    waitingRequests: fc.constantFrom(null, 0, 3),
    hasBase: fc.boolean(),
    deployLock: fc.constantFrom('free', 'held', 'stale'),
  })
  .map(({ paths, crawls, baseState, baseUnit, hasBase, deployLock, ...more }): RecoveryWorld =>
    world(paths, {
      deployLock,
      base: hasBase ? base(baseState, { ...more, unitState: baseUnit }) : null,
      crawls: crawls.map((name, index) => ({
        attempt: `${index + 1}-001`,
        jobId: index + 1,
        outputDir: `/jobs/${name}`,
        state: paths.find((seen) => seen.path === `/jobs/${name}`)?.state ?? 'unknown',
      })),
    }),
  );

const memory = { history: emptyHistory, intent: null };
const aborting = { ...policy, abortHungAfterMs: 60_000 };

function always(rule: (world: RecoveryWorld, plan: RecoveryPlan) => void): void {
  fc.assert(
    fc.property(anyWorld, fc.boolean(), (any, mayAbort) => {
      rule(any, decideRecovery(any, mayAbort ? aborting : policy, memory, NOW));
    }),
    { numRuns: 3000 },
  );
}

describe('whatever the world, recovery', () => {
  test('unmounts nothing without the step that mounts it again, and verifies it', () => {
    always((_, { steps }) => {
      for (const [index, step] of steps.entries()) {
        if (step.kind !== 'unmount' && step.kind !== 'clear') continue;
        const rest = steps.slice(index + 1).filter(({ path }) => path === step.path);
        assert.ok(rest.some(({ kind }) => kind === (step.kind === 'clear' ? 'restart' : 'bind')));
        assert.ok(rest.some(({ kind }) => kind === 'verify'));
      }
    });
  });

  test('takes off only what is dead, or dies with what the plan ends', () => {
    always((any, { steps }) => {
      for (const step of steps) {
        if (step.kind !== 'unmount' && step.kind !== 'clear') continue;
        const seen = any.paths.find(({ path }) => path === step.path);
        const isAborted = steps.some(
          (other) => other.kind === 'abort' && other.device === seen?.mount?.device,
        );
        const isOrphan = any.base?.report.state === 'missing' && seen?.state === 'healthy';
        const isDead = seen?.state === 'dead' && seen.isConfirmed;
        assert.ok(isDead || (isAborted && seen?.state === 'hung') || isOrphan, JSON.stringify(step));
      }
    });
  });

  test('interrupts no crawl but one whose own directory is dead, and touches no path with a living one', () => {
    always((any, { steps }) => {
      for (const crawl of any.crawls) {
        const isInterrupted = steps.some(
          (step) => step.kind === 'interrupt' && step.attempt === crawl.attempt,
        );
        if (isInterrupted) assert.ok(crawl.state === 'dead' || crawl.state === 'hung');
        const touched = steps.some(
          (step) =>
            (step.kind === 'unmount' || step.kind === 'clear') && isAtOrBelow(crawl.outputDir, step.path),
        );
        assert.ok(!touched || isInterrupted, JSON.stringify(steps));
      }
    });
  });

  test('restarts the base only when it is dead, missing or aborted, and never under a crawl that works', () => {
    always((any, { steps }) => {
      if (!steps.some((step) => step.kind === 'restart' && step.isBase)) return;
      const seenBase = any.base?.report.state;
      const isAborted = steps.some(({ kind, path }) => kind === 'abort' && path === '/box');
      assert.ok(seenBase === 'dead' || seenBase === 'missing' || isAborted);
      const broken = any.crawls.filter(({ outputDir, state: seen }) => {
        const own = any.paths.find((candidate) => candidate.path === outputDir);
        return seenBase === 'missing' && seen === 'healthy' && own?.mountedBy === 'bind';
      });
      assert.deepEqual(broken, []);
    });
  });

  test('says of every path that is not healthy what is done, or why not', () => {
    always((any, { steps, refusals }) => {
      if (refusals.some(({ path }) => path === null)) return;
      for (const seen of any.paths) {
        if (seen.state === 'healthy') continue;
        const isSaid = [...steps, ...refusals].some(
          (said) => said.path !== null && isAtOrBelow(seen.path, said.path),
        );
        assert.ok(isSaid || any.base === null, seen.path);
      }
    });
  });

  test('does nothing while a deploy runs', () => {
    always((any, { steps }) => {
      if (any.deployLock === 'held') assert.deepEqual(steps, []);
    });
  });
});
