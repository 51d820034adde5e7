import { parseUnitStates, unitBlocks, unitProperties } from '../core/units/unit-state.ts';
import type { SeenUnit } from '../core/verify/unit-checks.ts';
import { runCommand } from '../effects/command.ts';

const deadlineMs = 5000;
const more = 'NeedDaemonReload,StateChangeTimestampMonotonic,LastTriggerUSecMonotonic,MainPID';

export interface SeenUnits {
  readonly units: ReadonlyMap<string, SeenUnit>;
  /** Of running services. */
  readonly mainPids: ReadonlyMap<string, number>;
}

/** All of them by one question; null when systemd does not answer. */
export async function observeUnits(names: readonly string[]): Promise<SeenUnits | null> {
  const argv = ['systemctl', 'show', `--property=${unitProperties},${more}`, '--', ...names] as const;
  const result = await runCommand(argv, { deadlineMs });
  if (result.kind !== 'exited' || result.code !== 0) return null;
  const blocks = unitBlocks(result.stdout);
  // CLOCK_MONOTONIC, as systemd's own stamps.
  const nowMs = Number(process.hrtime.bigint()) / 1e6;
  const units = new Map<string, SeenUnit>();
  const mainPids = new Map<string, number>();
  for (const [index, state] of parseUnitStates(result.stdout, names).entries()) {
    const block = blocks[index];
    if (state === null || block === undefined) continue;
    // Microseconds since boot; 0 and `infinity` where there was none.
    const since = (property: string): number | null => {
      const microseconds = Number(block.get(property) ?? '0');
      return Number.isFinite(microseconds) && microseconds > 0
        ? Math.max(0, nowMs - microseconds / 1000)
        : null;
    };
    units.set(state.unit, {
      ...state,
      needsReload: block.get('NeedDaemonReload') === 'yes',
      sinceTriggerMs: since('LastTriggerUSecMonotonic'),
      inStateMs: since('StateChangeTimestampMonotonic'),
    });
    const pid = Number(block.get('MainPID') ?? '0');
    if (pid > 0) mainPids.set(state.unit, pid);
  }
  return { units, mainPids };
}
