import type { UnitState } from './unit-state.ts';

/**
 * What systemd is doing about a unit. `starting`: its start or its end is under way. `waiting`: systemd starts it by itself,
 * after `RestartSec=`. `down`: nothing runs, and nothing will by itself.
 */
export type UnitActivity = 'running' | 'starting' | 'waiting' | 'down';

export function unitActivity({ active, sub }: UnitState): UnitActivity {
  if (sub === 'auto-restart' || sub === 'auto-restart-queued') return 'waiting';
  if (active === 'activating' || active === 'deactivating' || active === 'reloading') return 'starting';
  return active === 'active' ? 'running' : 'down';
}

/** systemd is at it, so that nobody else should be. */
export function isSystemdAtIt(unit: UnitState | null): boolean {
  if (unit === null) return false;
  const activity = unitActivity(unit);
  return activity === 'starting' || activity === 'waiting';
}

/** Why recovery does not start a unit; null if it may. A unit that an operator has taken out of use stays down. */
export function whyNotStartable(
  name: string,
  unit: UnitState | null,
): { readonly code: 'unit_unknown' | 'unit_unusable' | 'unit_disabled'; readonly because: string } | null {
  if (unit === null) return { code: 'unit_unknown', because: `systemd does not say how ${name} is` };
  const isMasked = unit.load === 'masked' || unit.fileState.startsWith('masked');
  if (unit.load !== 'loaded' && !isMasked)
    return { code: 'unit_unusable', because: `systemd can’t load ${name}: ${unit.load}` };
  const isOutOfUse = isMasked || unit.fileState === 'disabled';
  if (!isOutOfUse || unitActivity(unit) === 'running') return null;
  const how = isMasked ? 'masked' : 'disabled';
  return { code: 'unit_disabled', because: `${name} is ${how} and does not run: an operator wants it down` };
}
