import type { Refusal } from '../plan.ts';
import type { AutomationRecord } from './automation-record.ts';
import { gauge, type MetricFamily } from './prometheus-text.ts';

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
  return [
    gauge(`${prefix}_detected_targets`, 'Places that are not healthy', unhealthy),
    gauge(
      `${prefix}_incident_open_timestamp_seconds`,
      'When the present incident began',
      incidentOpenedAtMs === null ? null : incidentOpenedAtMs / 1000,
    ),
    gauge(
      `${prefix}_last_recovery_duration_seconds`,
      'How long the last run that did something took',
      lastApply === null ? null : lastApply.durationMs / 1000,
    ),
    gauge(
      `${prefix}_capped`,
      'Whether a limit holds it back',
      refusals.some(({ code }) => caps.includes(code)),
    ),
  ];
}
