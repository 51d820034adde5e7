/** What systemd knows of a unit: properties of `systemctl show`, as they are written there. */
export interface UnitState {
  readonly unit: string;
  /** LoadState: loaded, not-found, masked, ... */
  readonly load: string;
  /** ActiveState: active, inactive, failed, activating, deactivating, ... */
  readonly active: string;
  /** SubState: running, dead, auto-restart, start-pre, ... */
  readonly sub: string;
  /** UnitFileState: enabled, disabled, static, ...; empty for a unit without a file. */
  readonly fileState: string;
  /** Changes with every start; empty before the first one. */
  readonly invocationId: string;
  /** NRestarts: how often systemd has started it again by itself since somebody started it. */
  readonly restarts: number;
}

/** What is asked for, as `systemctl show --property=` wants it. */
export const unitProperties = 'Id,LoadState,ActiveState,SubState,UnitFileState,InvocationID,NRestarts';

/**
 * The answer of `systemctl show` for several units: lines of NAME=VALUE, one block for each unit, in the order of the
 * question. A unit is named as it was asked for, also where that is an alias. Null for a block that is not complete.
 */
export function parseUnitStates(text: string, units: readonly string[]): (UnitState | null)[] {
  const blocks = unitBlocks(text);
  return units.map((unit, index) => {
    const properties = blocks[index];
    const load = properties?.get('LoadState');
    const active = properties?.get('ActiveState');
    const sub = properties?.get('SubState');
    if (properties === undefined || load === undefined || active === undefined || sub === undefined)
      return null;
    return {
      unit,
      load,
      active,
      sub,
      fileState: properties.get('UnitFileState') ?? '',
      invocationId: properties.get('InvocationID') ?? '',
      restarts: Number(properties.get('NRestarts') ?? 0),
    };
  });
}

/** The properties of each unit, in the order of the question. */
export function unitBlocks(text: string): readonly ReadonlyMap<string, string>[] {
  return text.split(/\n{2,}/).map(propertiesOf);
}

function propertiesOf(block: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const line of block.split('\n')) {
    const separator = line.indexOf('=');
    if (separator > 0) properties.set(line.slice(0, separator), line.slice(separator + 1));
  }
  return properties;
}

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
