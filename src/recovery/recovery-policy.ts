import type { Configuration } from '../config/schema.ts';
import type { RecoveryPolicy } from '../core/recovery/recovery-plan.ts';

/** The limits of recovery, as the configuration has them. */
export function recoveryPolicy({ recovery, storagebox, worker, deploy }: Configuration): RecoveryPolicy {
  return {
    backoffInitialMs: recovery.backoff_initial_seconds * 1000,
    backoffMaxMs: recovery.backoff_max_seconds * 1000,
    maxPerHour: recovery.max_per_hour,
    maxPerDay: recovery.max_per_day,
    maxPerJobPerDay: recovery.max_per_job_per_day,
    abortHungAfterMs: recovery.abort_hung_after_seconds * 1000,
    deployLockMaxAgeMs: deploy.lock_max_age_seconds * 1000,
    reservedUnits: [storagebox.unit, worker.unit],
  };
}
