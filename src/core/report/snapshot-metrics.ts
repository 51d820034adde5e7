import type { BaseReport } from '../storage/base.ts';
import type { FreeSpace } from '../storage/free-space.ts';
import type { StorageState } from '../storage/path-state.ts';
import { jobStatuses, type JobStatus } from '../jobs/job.ts';
import { gauge, type MetricFamily, type MetricSample } from './prometheus-text.ts';

/** Everything that `metrics write` tells, read once. What is null is not known, and absent from the metrics. */
export interface MetricsSnapshot {
  readonly writtenAtMs: number;
  readonly durationMs: number;
  /** Null: the database does not answer. */
  readonly figures: {
    readonly byStatus: Readonly<Record<JobStatus, number>>;
    /** Attempts that have ended with an infra error in the last `infraErrorMinutes`. */
    readonly recentInfraErrors: number;
  } | null;
  /** Why it waits for its storage, of each job that does. */
  readonly parked: readonly StorageState[];
  readonly isWorkerActive: boolean | null;
  readonly shouldWorkerRun: boolean | null;
  /** Null without a storage box. */
  readonly base: Pick<BaseReport, 'state'> | null;
  readonly baseSpace: FreeSpace | null;
  readonly hotPaths: readonly { readonly path: string; readonly state: StorageState }[];
  /** By name, as their sentinels are. */
  readonly switchedOn: Readonly<Record<string, boolean>>;
}

/** The window of `healtharchive_jobs_infra_error_recent_total`. */
export const infraErrorMinutes = 10;

/** The families of `healtharchive.prom`. Counts over a window are no counters, so they are untyped. */
export function metricFamilies(snapshot: MetricsSnapshot): MetricFamily[] {
  const { figures, base, baseSpace, hotPaths } = snapshot;
  return [
    gauges('healtharchive_jobs', 'Jobs by status', figures === null ? [] : countsOf(figures)),
    gauges(
      'healtharchive_jobs_parked',
      'Jobs that wait for their storage, by its state',
      parkedBy(snapshot.parked),
    ),
    {
      name: 'healtharchive_jobs_infra_error_recent_total',
      type: 'untyped',
      help: 'Attempts that ended with an infrastructure error in the last minutes',
      samples:
        figures === null
          ? []
          : [{ labels: { minutes: String(infraErrorMinutes) }, value: figures.recentInfraErrors }],
    },
    gauge('healtharchive_database_up', 'Whether the database answers', figures !== null),
    gauge('healtharchive_worker_active', 'Whether the unit of the worker is active', snapshot.isWorkerActive),
    gauge(
      'healtharchive_worker_should_be_running',
      'Whether jobs wait and the storage of at least one of them is there',
      snapshot.shouldWorkerRun,
    ),
    gauge(
      'healtharchive_storagebox_mount_ok',
      'Whether the storage box is mounted and answers',
      base === null ? null : base.state === 'healthy',
    ),
    gauges(
      'healtharchive_storagebox_state',
      'The state of the storage box',
      base === null ? [] : [{ labels: { state: base.state }, value: 1 }],
    ),
    gauge('healtharchive_storagebox_free_bytes', 'Room on the storage box', baseSpace?.bytes ?? null),
    gauges(
      'healtharchive_hot_path_state',
      'The state of each hot path that somebody needs: 1 for the present one, others absent',
      hotPaths.map(({ path, state }) => ({ labels: { path, state }, value: 1 })),
    ),
    gauges(
      'healtharchive_automation_switched_on',
      'Whether the sentinel file of an automation is there',
      Object.entries(snapshot.switchedOn).map(([automation, isOn]) => ({
        labels: { automation },
        value: isOn ? 1 : 0,
      })),
    ),
    gauge(
      'healtharchive_metrics_last_write_timestamp_seconds',
      'When these metrics were written',
      snapshot.writtenAtMs / 1000,
    ),
    gauge(
      'healtharchive_metrics_write_duration_seconds',
      'How long it took to see all of this',
      snapshot.durationMs / 1000,
    ),
  ];
}

function gauges(name: string, help: string, samples: readonly MetricSample[]): MetricFamily {
  return { name, type: 'gauge', help, samples };
}

function countsOf({ byStatus }: NonNullable<MetricsSnapshot['figures']>): MetricSample[] {
  return jobStatuses.map((status) => ({ labels: { status }, value: byStatus[status] }));
}

function parkedBy(parked: readonly StorageState[]): MetricSample[] {
  return [...new Set(parked)].map((reason) => ({
    labels: { reason },
    value: parked.filter((each) => each === reason).length,
  }));
}
