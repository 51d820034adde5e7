/** When a look is not the last word: something has changed since, or was not known yet. */
import { MountTable } from '../storage/mount-table.ts';
import { isSystemdAtIt, unitActivity, type UnitState } from '../units/unit-state.ts';
import type { RecoveryWorld } from './recovery-world.ts';

/**
 * Whether a unit has ended or come since the look, or a bind has: whoever ended while recovery ran has asked systemd to start
 * it, which does nothing as long as it runs. A unit that systemd goes on trying to start is no news, however often it tries.
 * @param states of `units`, in that order
 */
export function isChangedSince(
  { targets, mounts, units }: Pick<RecoveryWorld, 'targets' | 'mounts' | 'units'>,
  states: readonly (UnitState | null)[],
  now: MountTable,
): boolean {
  if ([...units.values()].some((before, index) => standing(before) !== standing(states[index] ?? null)))
    return true;
  const before = new MountTable(mounts);
  const layers = (table: MountTable, path: string): string =>
    table
      .stackAt(path)
      .map(({ id }) => id)
      .join();
  return targets.some(
    ({ place, path }) => place.kind === 'bind' && layers(before, path) !== layers(now, path),
  );
}

/** Running, each start is another one. */
function standing(state: UnitState | null): string {
  if (state === null) return 'unknown';
  if (isSystemdAtIt(state)) return 'systemd is at it';
  const activity = unitActivity(state);
  return activity === 'running' ? `${activity} ${state.invocationId}` : activity;
}

/**
 * Whether only the jobs can say that what would be bound is the archive that belongs there. A mount that is there, dead or alive,
 * says so itself by its source. A database that is only slow is waited for then; one that is away stops no repair.
 */
export function needsJobsToBind({
  base,
  targets,
  mounts,
}: Pick<RecoveryWorld, 'base' | 'targets' | 'mounts'>): boolean {
  if (base === null) return false;
  const table = new MountTable(mounts);
  const source = table.topmostAt(base.path)?.source;
  return targets.some(
    ({ place, archive, path }) =>
      place.kind === 'bind' &&
      archive === 'unknown' &&
      !table.stackAt(path).some((mount) => mount.source === source),
  );
}
