import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isChangedSince, needsJobsToBind } from '../../../src/core/recovery/look-again.ts';
import { emptyMemory } from '../../../src/core/recovery/memory.ts';
import type { RecoveryWorld } from '../../../src/core/recovery/recovery-world.ts';
import { MountTable } from '../../../src/core/storage/mount-table.ts';
import type { UnitState } from '../../../src/core/units/unit-state.ts';
import { BASE, BASE_UNIT, JOBS } from '../../simulation/host-model.ts';
import { Scene } from '../../simulation/scene.ts';
import { bind, mountedAnew, unit } from './worlds.ts';

const look = (scene: Scene): RecoveryWorld => scene.observe(emptyMemory);
const running: UnitState = {
  unit: BASE_UNIT,
  load: 'loaded',
  active: 'active',
  sub: 'running',
  fileState: 'enabled',
  invocationId: 'one',
  restarts: 0,
};

describe('what has changed since a look', () => {
  const changedFrom = (before: Partial<UnitState>, after: Partial<UnitState> | null): boolean => {
    const world = look(new Scene([bind('a')]));
    const units = new Map([[BASE_UNIT, { ...running, ...before }]]);
    const now = after === null ? null : { ...running, ...after };
    return isChangedSince({ ...world, units }, [now], new MountTable(world.mounts));
  };
  const restart = { active: 'activating', sub: 'auto-restart' };
  const starting = { active: 'activating', sub: 'start-post' };
  const table: readonly [string, Partial<UnitState>, Partial<UnitState> | null, boolean][] = [
    ['nothing', {}, {}, false],
    ['a unit has ended', {}, { active: 'failed', sub: 'failed' }, true],
    ['a unit has ended, and systemd starts it again', {}, restart, true],
    ['a unit has been restarted', {}, { invocationId: 'two' }, true],
    ['a unit has come back', restart, { invocationId: 'two' }, true],
    ['systemd tries again and again', restart, { ...starting, invocationId: 'two' }, false],
    ['it stays down', { active: 'failed', sub: 'failed' }, { active: 'inactive', sub: 'dead' }, false],
    ['systemd says nothing any more', {}, null, true],
  ];
  for (const [what, before, after, expected] of table)
    test(what, () => {
      assert.equal(changedFrom(before, after), expected);
    });

  test('a bind was taken off, or another one was put over it', () => {
    const scene = new Scene([bind('a'), unit('own')]);
    const world = look(scene);
    const states = [...world.units.values()];
    const without = world.mounts.filter(({ mountPoint }) => mountPoint !== `${JOBS}/a`);
    assert.equal(isChangedSince(world, states, new MountTable(world.mounts)), false);
    assert.equal(isChangedSince(world, states, new MountTable(without)), true);
  });

  test('while the server is away the mount of the base comes and goes: that is its unit’s business', () => {
    const world = look(new Scene([bind('a')]));
    const without = world.mounts.filter(({ mountPoint }) => mountPoint !== BASE);
    assert.equal(isChangedSince(world, [...world.units.values()], new MountTable(without)), false);
  });
});

describe('whether the jobs have to say what is to be bound', () => {
  const unknown = (world: RecoveryWorld): RecoveryWorld => ({
    ...world,
    targets: world.targets.map((target) => ({ ...target, archive: 'unknown' })),
  });

  test('a mount that is there says so itself, also a dead one', () => {
    const scene = new Scene([bind('a')]);
    assert.equal(needsJobsToBind(unknown(look(scene))), false);
    mountedAnew(scene);
    assert.equal(needsJobsToBind(unknown(look(scene))), false);
  });

  test('nothing is there, or it was of another box: they have to', () => {
    const world = unknown(look(new Scene([bind('a')])));
    const without = world.mounts.filter(({ mountPoint }) => mountPoint !== `${JOBS}/a`);
    const moved = world.mounts.map((mount) =>
      mount.mountPoint === BASE ? { ...mount, source: 'u1@elsewhere:/' } : mount,
    );
    assert.equal(needsJobsToBind({ ...world, mounts: without }), true);
    assert.equal(needsJobsToBind({ ...world, mounts: moved }), true);
    const known = { ...look(new Scene([bind('a')])), mounts: without };
    assert.equal(needsJobsToBind(known), false, 'they have said it');
  });
});
