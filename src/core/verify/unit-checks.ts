import type { UnitState } from '../units/unit-state.ts';
import type { CheckCode, Finding } from './checks.ts';

/** A unit as systemd has it, with what verification asks beyond its state. */
export interface SeenUnit extends UnitState {
  readonly needsReload: boolean;
  /** Of a timer: how long ago it last started its service; null: not yet, or not known. */
  readonly sinceTriggerMs: number | null;
  /** How long it has been in this state; null: not known. */
  readonly inStateMs: number | null;
}

/** What a unit is for. */
export interface ExpectedUnit {
  readonly unit: string;
  /** `service`: runs all the time. `boot`: runs once at boot. `timer`: waits, and starts something every so often. `started`: somebody starts it. */
  readonly kind: 'service' | 'boot' | 'timer' | 'path' | 'started';
  /** Of a service: the check that is about it alone. */
  readonly code?: 'base_unit' | 'worker_unit';
  /** Of a timer. */
  readonly everySeconds?: number;
}

/** Twenty rounds: a busy machine is late by one or two. */
const lateRounds = 20;

export const unitCodes: readonly CheckCode[] = [
  'units_not_read',
  'base_unit',
  'worker_unit',
  'units_enabled',
  'units_failed',
  'timers',
];

/** @param seen null: systemd does not answer. A unit that is not installed is told of by what is installed */
export function unitFindings(
  expected: readonly ExpectedUnit[],
  seen: ReadonlyMap<string, SeenUnit> | null,
): Finding[] {
  if (seen === null)
    return [{ code: 'units_failed', detail: 'systemd does not answer', fix: 'systemctl status' }];
  return expected.flatMap((one) => {
    const unit = seen.get(one.unit);
    return unit === undefined || unit.load === 'not-found' ? [] : findingsOf(one, unit);
  });
}

function findingsOf(expected: ExpectedUnit, seen: SeenUnit): Finding[] {
  const { unit, kind, code } = expected;
  const findings: Finding[] = [];
  if (seen.needsReload)
    findings.push({
      code: 'units_not_read',
      detail: `${unit} has changed since systemd read it`,
      fix: 'systemctl daemon-reload',
    });
  const enabled = code ?? 'units_enabled';
  if (seen.load === 'masked' || seen.fileState.startsWith('masked')) {
    findings.push({
      code: enabled,
      detail: `${unit} is masked: somebody put it out of use`,
      fix: `systemctl unmask ${unit}`,
    });
    return findings;
  }
  if (kind !== 'started' && seen.fileState === 'disabled')
    findings.push({
      code: enabled,
      detail: `${unit} is disabled: it does not start at boot`,
      fix: `systemctl enable --now ${unit}`,
    });
  if (seen.active === 'failed') {
    findings.push({
      code: code ?? 'units_failed',
      detail: `${unit} has failed`,
      fix: `journalctl -n 40 -u ${unit}`,
    });
    return findings;
  }
  return [...findings, ...activityFindings(expected, seen)];
}

function activityFindings({ unit, kind, code, everySeconds = 0 }: ExpectedUnit, seen: SeenUnit): Finding[] {
  if (kind === 'service' && seen.active !== 'active') {
    const why =
      seen.active === 'activating'
        ? `is not up yet, and tried again and again (${seen.sub})`
        : `is ${seen.active}`;
    const fix = seen.active === 'activating' ? `journalctl -n 40 -u ${unit}` : `systemctl start ${unit}`;
    return [{ code: code ?? 'units_failed', detail: `${unit} ${why}`, fix }];
  }
  if (kind !== 'timer' && kind !== 'path') return [];
  if (seen.active !== 'active')
    return [{ code: 'timers', detail: `${unit} is ${seen.active}`, fix: `systemctl start ${unit}` }];
  if (kind === 'path') return [];
  // Before its first round, how long it has waited says as much.
  const sinceMs = seen.sinceTriggerMs ?? seen.inStateMs ?? 0;
  if (sinceMs <= lateRounds * everySeconds * 1000) return [];
  const service = unit.replace(/\.timer$/, '.service');
  const detail = `${unit} last started its service ${Math.round(sinceMs / 60_000)} minutes ago, and does so every ${everySeconds} s`;
  return [{ code: 'timers', detail, fix: `systemctl status ${service}` }];
}
