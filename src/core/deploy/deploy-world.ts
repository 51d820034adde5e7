import type { Step } from '../plan.ts';
import type { DeployRecord, KeptRelease } from './deploy-record.ts';

/** A release that is to be put in use. */
export interface WantedRelease {
  /** Name of its folder. */
  readonly name: string;
  /** Without secrets. */
  readonly from: string;
  /** What it is, for people: version, commit and its subject. */
  readonly title: string;
}

/** What a deploy depends on. */
export interface DeployWorld {
  /** The release in use. */
  readonly current: string;
  readonly releases: readonly KeptRelease[];
  readonly record: DeployRecord;
  /** What is left of deploys that were broken off: paths. */
  readonly leftovers: readonly string[];
  readonly worker: DeployedWorker;
  /** Timers and path units that wait as their files were before. */
  readonly outdatedUnits: readonly string[];
  /** Jobs that run; null: not known. */
  readonly runningJobs: number | null;
}

export interface DeployedWorker {
  readonly unit: string;
  readonly isUp: boolean;
  /** The release that it runs; null: not known. */
  readonly release: string | null;
  /** Its unit's file was changed since it was started. */
  readonly isOutdated: boolean;
}

export interface DeployPolicy {
  /** Nothing is restarted. */
  readonly isRestartSkipped: boolean;
  /** The worker is restarted although jobs run. */
  readonly isForced: boolean;
  /** How many releases are kept. */
  readonly keep: number;
}

export type DeployStep = Step & {
  readonly kind:
    | 'clean'
    | 'fetch'
    | 'build'
    | 'check'
    | 'release'
    | 'try'
    | 'migrate'
    | 'switch'
    | 'restart'
    | 'prove'
    | 'prune';
  readonly unit?: string;
  /** Of the steps that are about a release. */
  readonly release?: string;
};
