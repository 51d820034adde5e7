import type { Refusal } from '../plan.ts';
import type { AutomationRecord } from './automation-record.ts';
import type { MetricFamily } from './prometheus-text.ts';

export interface RecoverySeen {
  /** Places that are not healthy, after all that was done. */
  readonly unhealthy: number;
  /** Null: no incident is open. */
  readonly incidentOpenedAtMs: number | null;
  readonly refusals: readonly Refusal[];
}

const prefix = 'healtharchive_storage_hotpath_auto_recover';
const caps: readonly Refusal['code'][] = ['capped_hour', 'capped_day', 'capped_job'];

/** What recovery tells beyond what every automation does. */
export function recoveryMetrics(
  { unhealthy, incidentOpenedAtMs, refusals }: RecoverySeen,
  { lastApply }: AutomationRecord,
): MetricFamily[] {
  const gauge = (name: string, help: string, value: number | null): MetricFamily => ({
    name: `${prefix}_${name}`,
    type: 'gauge',
    help,
    samples: value === null ? [] : [{ value }],
  });
  return [
    gauge('detected_targets', 'Places that are not healthy', unhealthy),
    gauge(
      'incident_open_timestamp_seconds',
      'When the present incident began',
      incidentOpenedAtMs === null ? null : incidentOpenedAtMs / 1000,
    ),
    gauge(
      'last_recovery_duration_seconds',
      'How long the last run that did something took',
      lastApply === null ? null : lastApply.durationMs / 1000,
    ),
    gauge(
      'capped',
      'Whether a limit holds it back',
      refusals.some(({ code }) => caps.includes(code)) ? 1 : 0,
    ),
  ];
}
