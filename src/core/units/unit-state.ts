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
  const blocks = text.split(/\n{2,}/).map(propertiesOf);
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

function propertiesOf(block: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const line of block.split('\n')) {
    const separator = line.indexOf('=');
    if (separator > 0) properties.set(line.slice(0, separator), line.slice(separator + 1));
  }
  return properties;
}
