import type { DeployLockState } from '../deploy-gate.ts';
import type { Step } from '../plan.ts';
import type { BootClock } from '../recovery/recovery-world.ts';
import type { StorageVerdict } from '../storage/path-report.ts';
import type { StorageState } from '../storage/path-state.ts';
import type { UnitState } from '../units/unit-state.ts';

/** All that auto-start decides by. */
export interface AutoStartWorld {
  readonly hasSentinel: boolean;
  readonly deployLock: DeployLockState;
  /** A run of recovery holds its lock: what it is doing is not seen yet. */
  readonly isRecoveryAtWork: boolean;
  readonly clock: BootClock;
  /** The worker's. */
  readonly unit: string;
  /** Null: systemd does not answer. */
  readonly unitState: UnitState | null;
  /** Null without a storage box. */
  readonly base: Pick<StorageVerdict, 'state' | 'reason'> | null;
  readonly jobs: SeenJobs;
}

export type SeenJobs =
  | { readonly isKnown: false; readonly because: string }
  | {
      readonly isKnown: true;
      /** Queued or retryable; whether they are cooling down does not matter here. */
      readonly pending: readonly PendingJob[];
      /** Ids of those that the database says are running on this host. */
      readonly runningHere: readonly number[];
    };

export interface PendingJob {
  readonly id: number;
  readonly path: string;
  /** Of its storage, for a crawl. */
  readonly state: StorageState;
  readonly reason: string;
}

export interface StartStep extends Step {
  readonly kind: 'start';
  readonly path: null;
  readonly unit: string;
}

export interface AutoStartPolicy {
  readonly cooldownMs: number;
  readonly maxPerHour: number;
  readonly deployLockMaxAgeMs: number;
}
