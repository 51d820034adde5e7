import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { storageStates, type StorageState } from '../../../src/core/storage/path-state.ts';
import { meaningOfState, nextSteps, urgency, type PathRole } from '../../../src/core/storage/state-advice.ts';

const box = 'box.service';
const own = 'own.service';

/** What is to be typed; `null` where a person has to look. */
const rows: readonly (readonly [StorageState, PathRole, string | null, readonly (string | null)[]])[] = [
  ['healthy', 'base', box, []],
  ['dead', 'base', box, ['systemctl restart box.service']],
  ['dead', 'bind', box, ['healtharchive storage tier --repair-stale-mounts']],
  ['dead', 'unit', own, ['systemctl restart own.service']],
  ['dead', 'other', null, [null]],
  ['missing', 'base', box, ['systemctl start box.service', 'journalctl -n 20 -u box.service']],
  ['missing', 'bind', box, ['healtharchive storage tier']],
  ['missing', 'unit', own, ['systemctl start own.service', 'journalctl -n 20 -u own.service']],
  ['missing', 'other', null, ['healtharchive storage tier --accept-new-archive PATH', null]],
  ['wrong_source', 'base', box, [null]],
  ['wrong_source', 'bind', box, ['healtharchive storage tier --repair-unexpected-mounts']],
  ['wrong_source', 'unit', own, [null]],
  ['wrong_source', 'other', null, [null]],
  ['hung', 'base', box, ['journalctl -n 20 -u box.service', null]],
  ['hung', 'bind', box, ['journalctl -n 20 -u box.service', null]],
  ['hung', 'unit', own, ['journalctl -n 20 -u own.service', null]],
  ['degraded', 'base', box, ['journalctl -n 20 -u box.service', null]],
  ['degraded', 'other', null, [null]],
  ['unwritable', 'bind', box, [null]],
  ['denied', 'bind', box, [null]],
  ['unknown', 'bind', box, ['healtharchive storage status']],
];

describe('what a person does about a state', () => {
  for (const [state, role, unit, commands] of rows) {
    test(`${state}, ${role}`, () => {
      const steps = nextSteps(state, role, unit);
      assert.deepEqual(
        steps.map(({ command }) => command),
        commands,
      );
    });
  }
});

test('every state has its place, a meaning, and something to do unless it is healthy', () => {
  assert.deepEqual([...urgency].sort(), [...storageStates].sort());
  for (const state of storageStates) {
    assert.notEqual(meaningOfState(state), '');
    for (const role of ['base', 'bind', 'unit', 'other'] as const) {
      const steps = nextSteps(state, role, role === 'other' ? null : box);
      assert.equal(steps.length > 0, state !== 'healthy', `${state} ${role}`);
      for (const { command, because } of steps)
        assert.match(because, command === null ? /^[a-z].*[^.]$/ : /^([a-z].*[^.])?$/, 'a phrase');
    }
  }
});

test('nothing that is said to do unmounts, ends or deletes by itself', () => {
  const commands = storageStates.flatMap((state) =>
    (['base', 'bind', 'unit', 'other'] as const).flatMap((role) =>
      nextSteps(state, role, box).flatMap(({ command }) => command ?? []),
    ),
  );
  for (const command of commands) assert.doesNotMatch(command, /umount|fusermount|kill|\brm\b|--apply/);
});
