import type { Refusal } from '../plan.ts';
import type { TieringStep } from '../tiering/tiering-plan.ts';

/** In the order in which they are done. */
export type RecoveryStep =
  InterruptStep | AbortStep | RestartStep | ClearStep | TieringStep | ReleaseStep | StartWorkerStep;

/** Ends a crawl whose output directory is dead: through its job, and if nobody answers by its own processes. */
export interface InterruptStep {
  readonly kind: 'interrupt';
  /** Its output directory. */
  readonly path: string;
  readonly because: string;
  readonly attempt: string;
  readonly jobId: number;
}

/** Aborts the FUSE connection of a mount that hangs: the only cure of a hang (storage-facts F6). It is dead then. */
export interface AbortStep {
  readonly kind: 'abort';
  readonly path: string;
  readonly because: string;
  /** `0:MINOR`. */
  readonly device: string;
}

/** Has a unit mount the base, or a hot path with a mount of its own, and waits until that answers. */
export interface RestartStep {
  readonly kind: 'restart';
  readonly path: string;
  readonly because: string;
  readonly unit: string;
  readonly isBase: boolean;
  /** systemd is at it already: it is waited for, and nothing is started beside it. */
  readonly isWaiting: boolean;
}

/** Takes a dead mount off a hot path whose unit mounts it again in the next step. */
export interface ClearStep {
  readonly kind: 'clear';
  readonly path: string;
  readonly because: string;
  readonly unit: string;
  readonly expects: { readonly mountId: number; readonly device: string };
}

/** Ends the cooldown of jobs whose paths are proved healthy, and wakes the worker, so that they run now. */
export interface ReleaseStep {
  readonly kind: 'release';
  readonly path: string;
  readonly because: string;
  readonly jobs: readonly number[];
}

/** Starts the worker that a recovery, this one or a killed one, has stopped. */
export interface StartWorkerStep {
  readonly kind: 'start-worker';
  readonly path: null;
  readonly because: string;
  readonly unit: string;
}

/** What dies, or is dead, together: one superblock, whatever is mounted of it. */
export interface Casualty {
  readonly device: string;
  readonly source: string;
  readonly because: string;
  readonly paths: readonly string[];
  /** Crawls that end with it. */
  readonly crawls: readonly string[];
}

export interface RecoveryPlan {
  readonly steps: readonly RecoveryStep[];
  readonly refusals: readonly Refusal[];
  /** Said before anything is stopped. */
  readonly blastRadius: readonly Casualty[];
  /** Targets that are not as they should be and that recovery knows how to mend, whether or not it may now. */
  readonly needsRepair: readonly string[];
}

export interface RecoveryPolicy {
  readonly backoffInitialMs: number;
  readonly backoffMaxMs: number;
  readonly maxPerHour: number;
  readonly maxPerDay: number;
  readonly maxPerJobPerDay: number;
  /** 0: never. */
  readonly abortHungAfterMs: number;
}
