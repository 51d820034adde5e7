/** The loop of recovery, with effects that fail. What it does in worlds that change under it is played in test/simulation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyMemory, settleMs, type RecoveryMemory } from '../../../src/core/recovery/memory.ts';
import type { RecoveryStep } from '../../../src/core/recovery/recovery-plan.ts';
import { recoverInRounds, type RoundEffects } from '../../../src/core/recovery/rounds.ts';
import { BASE_UNIT } from '../../simulation/host-model.ts';
import { policy, Scene } from '../../simulation/scene.ts';
import { bind, mountedAnew } from './worlds.ts';

const now = 1_700_000_000_000;

/** A run that does nothing but note what it is asked for, in a world that stays as it is. */
async function play(scene: Scene, more: Partial<RoundEffects> = {}) {
  const saved: RecoveryMemory[] = [];
  const applied: string[][] = [];
  const outcome = await recoverInRounds(
    {
      run: 'this',
      now: () => now,
      hasTime: () => true,
      observe: (memory) => Promise.resolve(scene.observe(memory)),
      hasLateNews: () => Promise.resolve(false),
      save: (memory) => {
        saved.push(memory);
        return Promise.resolve();
      },
      apply: (steps) => {
        applied.push(steps.map(({ kind }) => kind));
        return Promise.resolve(steps.map((step) => result(step, 'failed')));
      },
      ...more,
    },
    policy,
    emptyMemory,
  );
  return { outcome, saved, applied };
}

function result(step: RecoveryStep, outcome: 'done' | 'failed' | 'skipped') {
  return { step, outcome, error: null, durationMs: 0 };
}

function broken(): Scene {
  const scene = new Scene([bind('a')]);
  mountedAnew(scene);
  return scene;
}

test('what has failed is not tried again in the same run', async () => {
  const { applied, outcome } = await play(broken());
  assert.deepEqual(applied, [['unmount', 'bind', 'verify']]);
  assert.deepEqual(
    outcome.last.refusals.map(({ code }) => code),
    ['failed_in_this_run'],
  );
});

test('what it is about to do is saved before it is done, and how it went afterwards', async () => {
  const { saved } = await play(broken());
  assert.deepEqual(
    saved.map(({ recoveries }) => recoveries.map(({ paths, outcome }) => [paths, outcome])),
    [[[['/jobs/a'], 'unfinished']], [[['/jobs/a'], 'failed']]],
  );
  assert.deepEqual(
    saved.map(({ takenOff }) => takenOff.map(({ path, coldPath }) => [path, coldPath])),
    [[['/jobs/a', '/box/jobs/a']], [['/jobs/a', '/box/jobs/a']]],
  );
});

test('waiting for systemd counts as no recovery, and is done once', async () => {
  const scene = new Scene([bind('a')]);
  scene.host.killSshfs(BASE_UNIT);
  const applied: string[][] = [];
  const { outcome } = await play(scene, {
    apply: (steps) => {
      applied.push(steps.map(({ kind }) => kind));
      return Promise.resolve(steps.map((step) => result(step, 'skipped')));
    },
  });
  const codes = outcome.last.refusals.map(({ code }) => code);
  assert.deepEqual(
    [applied, outcome.memory.recoveries, codes],
    [[['wait']], [], ['still_starting', 'base_first']],
  );
});

test('a base that has just come back is looked at again', async () => {
  const scene = broken();
  scene.isFlipping = true;
  let looks = 0;
  const { applied } = await play(scene, {
    observe: (memory) => {
      looks += 1;
      if (looks > 2) scene.isFlipping = false;
      return Promise.resolve(scene.observe(memory));
    },
  });
  assert.deepEqual(applied, [['unmount', 'bind', 'verify']]);
});

test('without time left no round begins', async () => {
  const { applied, outcome } = await play(broken(), { hasTime: () => false });
  assert.deepEqual([applied, outcome.last.steps.length], [[], 3]);
});

test('an incident lasts until everything of it is proved', async () => {
  const scene = broken();
  const first = await play(scene);
  assert.deepEqual(first.outcome.memory.incident, {
    openedAtMs: now,
    healthySinceMs: null,
    paths: ['/jobs/a'],
    unproved: ['/jobs/a'],
  });
  const well = new Scene([bind('a')]);
  const memory = first.outcome.memory;
  const run = async (outcome: 'done' | 'failed', before = memory, atMs = now + 60_000) =>
    await recoverInRounds(
      {
        run: 'next',
        now: () => atMs,
        hasTime: () => true,
        observe: (seen) => Promise.resolve(well.observe(seen)),
        hasLateNews: () => Promise.resolve(false),
        save: () => Promise.resolve(),
        apply: (steps) => Promise.resolve(steps.map((step) => result(step, outcome))),
      },
      policy,
      before,
    );
  assert.deepEqual((await run('failed')).memory.incident?.unproved, ['/jobs/a'], 'a full box, say');
  const healed = await run('done');
  assert.deepEqual(
    healed.rounds.map(({ results }) => results.map(({ step }) => step.kind)),
    [['verify']],
  );
  const healedIncident = healed.memory.incident;
  assert.equal(healedIncident?.healthySinceMs, now + 60_000);
  const soon = await run('done', healed.memory, now + 60_000 + settleMs - 1);
  assert.deepEqual([soon.memory.incident, soon.closed], [healedIncident, null], 'it may break again');
  const later = await run('done', healed.memory, now + 60_000 + settleMs);
  assert.deepEqual([later.memory.incident, later.closed], [null, healedIncident]);
  assert.deepEqual(healed.memory.verified, [{ path: '/jobs/a', atMs: now + 60_000, released: [] }]);
});
