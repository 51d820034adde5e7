import type { UnitState } from './unit-state.ts';

/**
 * What systemd is doing about a unit. `starting`: its start is under way. `waiting`: it will start it by itself, after
 * `RestartSec=`. `unusable`: nobody can start it.
 */
export type UnitActivity = 'starting' | 'waiting' | 'idle' | 'unusable';

export function unitActivity(unit: UnitState): UnitActivity {
  if (unit.load !== 'loaded') return 'unusable';
  if (unit.sub === 'auto-restart' || unit.sub === 'auto-restart-queued') return 'waiting';
  return unit.active === 'activating' || unit.active === 'deactivating' ? 'starting' : 'idle';
}

/** Why a unit can't be started; null if it can. */
export function whyUnusable(name: string, unit: UnitState | null): string | null {
  if (unit === null) return `systemd does not say how ${name} is`;
  return unitActivity(unit) === 'unusable' ? `${name} is ${unit.load}` : null;
}
