import type { Refusal } from '../plan.ts';
import type { BindStep, ExpectedOuter, UnmountStep, VerifyStep } from '../tiering/tiering-plan.ts';

export type RecoveryStep =
  WaitStep | InterruptStep | AbortStep | RestartStep | UnmountStep | BindStep | VerifyStep;

/** systemd is starting or ending the unit: it is waited for, and nothing is done beside it. */
export interface WaitStep {
  readonly kind: 'wait';
  /** What the unit mounts. */
  readonly path: string;
  readonly because: string;
  readonly unit: string;
}

/** Ends one attempt whose superblock is dead: through its job, and if nobody answers by its own processes. */
export interface InterruptStep {
  readonly kind: 'interrupt';
  /** Its output directory. */
  readonly path: string;
  readonly because: string;
  readonly attempt: string;
  readonly jobId: number;
  /** The dead superblock. */
  readonly device: string;
}

/** Aborts the FUSE connection of a superblock that hangs: the only cure of a hang (storage-facts F6). It is dead then. */
export interface AbortStep {
  readonly kind: 'abort';
  readonly path: string;
  readonly because: string;
  readonly device: string;
  /** Where it is mounted: each is repaired in a round after this one. */
  readonly paths: readonly string[];
}

/** Has systemd restart the unit that mounts the base, or a hot path with a mount of its own. */
export interface RestartStep {
  readonly kind: 'restart';
  readonly path: string;
  readonly because: string;
  readonly unit: string;
  /** Checked again right before: it is still this mount. */
  readonly outer: ExpectedOuter;
}

/** What is done about one place, in the order of its steps. Each one's failure skips the rest of it, and what lies below. */
export interface Repair {
  readonly path: string;
  readonly steps: readonly RecoveryStep[];
  /** Other places that must be free to be mended too, since this repair breaks them. */
  readonly breaks: readonly string[];
}

/** What comes of looking at one place. */
export type Decision =
  | { readonly kind: 'repair'; readonly repair: Repair }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'nothing' };

/** One superblock that is dead, or ends with the plan: what is mounted of it, and who works on it. */
export interface Casualty {
  readonly device: string;
  readonly source: string;
  readonly because: string;
  readonly paths: readonly string[];
  readonly crawls: readonly string[];
}

/** What is right in the world as it is now: one round. */
export interface RecoveryPlan {
  readonly steps: readonly RecoveryStep[];
  /** Right too, but limits, the deploy lock or a missing sentinel hold it back; why is among the refusals. */
  readonly held: readonly RecoveryStep[];
  readonly refusals: readonly Refusal[];
  readonly casualties: readonly Casualty[];
}

export interface RecoveryPolicy {
  readonly backoffInitialMs: number;
  readonly backoffMaxMs: number;
  readonly maxPerHour: number;
  readonly maxPerDay: number;
  readonly maxPerJobPerDay: number;
  /** 0: never. */
  readonly abortHungAfterMs: number;
  readonly deployLockMaxAgeMs: number;
  /** Units that never mount a hot path: the base's own and the worker's. */
  readonly reservedUnits: readonly string[];
}

/** Limits count what was changed: a repair with one of these steps. A bind onto a bare directory ends nothing. */
export function isChange({ kind }: RecoveryStep): boolean {
  return kind === 'interrupt' || kind === 'abort' || kind === 'restart' || kind === 'unmount';
}
