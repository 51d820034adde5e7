import { parseUnitStates, unitBlocks, unitProperties, type UnitState } from '../core/units/unit-state.ts';
import { runCommand } from './command.ts';

/** systemd answers at once, or not at all; but on a busy machine a program starts slowly. */
const deadlineMs = 5000;

/** The state of each unit; null for all of them when systemd does not answer in time. One question, however many. */
export async function showUnits(units: readonly string[]): Promise<readonly (UnitState | null)[]> {
  if (units.length === 0) return [];
  const argv = ['systemctl', 'show', `--property=${unitProperties}`, '--', ...units] as const;
  const result = await runCommand(argv, { deadlineMs });
  if (result.kind !== 'exited' || result.code !== 0) return units.map(() => null);
  return parseUnitStates(result.stdout, units);
}

/** Whether one of the units has changed since systemd read it; false where there is no systemd to ask. */
export async function needReload(units: readonly string[]): Promise<boolean> {
  if (units.length === 0) return false;
  const argv = ['systemctl', 'show', '--property=NeedDaemonReload', '--', ...units] as const;
  const result = await runCommand(argv, { deadlineMs });
  return result.kind === 'exited' && result.stdout.includes('NeedDaemonReload=yes');
}

/** Newest last, of the last minutes; empty where the journal can't be read, as by most users. */
export async function unitLog(unit: string): Promise<readonly string[]> {
  const argv = [
    'journalctl',
    '--quiet',
    '--no-pager',
    '--output=cat',
    '--since=-3min',
    '--lines=80',
    '--unit',
    unit,
  ];
  const result = await runCommand(['journalctl', ...argv.slice(1)], { deadlineMs });
  return result.kind === 'exited' && result.code === 0 ? result.stdout.split('\n') : [];
}

export type UnitVerb = 'start' | 'stop' | 'restart';

/**
 * Asks systemd for a job and does not wait until it is done: how it ends is seen in the unit's state.
 * @returns null when it was taken, else a sentence for people, without full stop
 */
export async function askUnit(verb: UnitVerb, unit: string): Promise<string | null> {
  return await control([verb, '--no-block', '--', unit]);
}

/** Sends a signal to the main process of the unit, and to nothing else of it. As askUnit. */
export async function signalUnit(signal: 'SIGUSR1' | 'SIGKILL', unit: string): Promise<string | null> {
  return await control(['kill', '--kill-who=main', `--signal=${signal}`, '--', unit]);
}

async function control(args: readonly string[]): Promise<string | null> {
  const result = await runCommand(['systemctl', ...args], { deadlineMs });
  const verb = args[0] ?? '';
  switch (result.kind) {
    case 'exited': {
      if (result.code === 0) return null;
      const said = result.stderr.trim().split('\n')[0] ?? '';
      return `systemctl ${verb} ended with status ${result.code}${said === '' ? '' : `: ${said}`}`;
    }
    case 'signaled':
      return `systemctl ${verb} was ended by ${result.signal}`;
    case 'timed_out':
      return `systemctl ${verb} gave no answer within ${deadlineMs / 1000} s`;
    case 'not_found':
      return 'systemctl is not installed';
    case 'failed':
      return `systemctl could not be started (${result.errno})`;
  }
}

/** When a unit was started, and by which process it runs. */
export interface UnitStart {
  readonly unit: string;
  /** By the wall clock as it was then; null: it is not active. */
  readonly activeSinceMs: number | null;
  /** Of a service that runs. */
  readonly mainPid: number | null;
}

/** Of each unit; null when systemd does not answer in time. */
export async function unitStarts(units: readonly string[]): Promise<readonly UnitStart[] | null> {
  if (units.length === 0) return [];
  const properties = 'ActiveState,ActiveEnterTimestamp,MainPID';
  // Microseconds: an installation is often started in the second in which it was made.
  const argv = [
    'systemctl',
    'show',
    '--timestamp=us+utc',
    `--property=${properties}`,
    '--',
    ...units,
  ] as const;
  const result = await runCommand(argv, { deadlineMs });
  if (result.kind !== 'exited' || result.code !== 0) return null;
  const blocks = unitBlocks(result.stdout);
  return units.map((unit, index) => {
    const block = blocks[index];
    const pid = Number(block?.get('MainPID') ?? '0');
    // `Tue 2026-11-24 10:00:00.123456 UTC`
    const stamp = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})/.exec(block?.get('ActiveEnterTimestamp') ?? '');
    const isActive = block?.get('ActiveState') === 'active' && stamp !== null;
    return {
      unit,
      activeSinceMs: isActive ? Date.parse(`${stamp[1] ?? ''}T${stamp[2] ?? ''}Z`) : null,
      mainPid: pid > 0 ? pid : null,
    };
  });
}
