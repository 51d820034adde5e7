import type { BaseReport } from '../storage/base.ts';
import type { ManifestProblem } from '../storage/manifest.ts';
import type { TieringPath } from '../tiering/tiering-world.ts';
import type { UnitState } from '../units/unit-state.ts';

/** All that recovery decides by, read once. Paths are canonical. */
export interface RecoveryWorld {
  readonly jobsRoot: string;
  /** Null without a storage box in the configuration. */
  readonly base: WatchedBase | null;
  /** Every target, and every other mount that is there below the jobs root. */
  readonly paths: readonly WatchedPath[];
  /** Crawls of this host that live, each proved by the lock that it holds. */
  readonly crawls: readonly WatchedCrawl[];
  /** Waiting jobs in cooldown after an infra error. */
  readonly cooldowns: readonly Cooldown[];
  /** Null when the database answered; else why not. */
  readonly jobsUnknownBecause: string | null;
  readonly manifestProblems: readonly ManifestProblem[];
  /** Null when systemd does not answer. */
  readonly worker: UnitState | null;
  /** `stale`: held for longer than a deploy may take; it no longer suppresses anything. */
  readonly deployLock: 'free' | 'held' | 'stale';
  readonly hasSentinel: boolean;
  readonly bootId: string;
}

export interface WatchedBase extends Watched {
  readonly report: BaseReport;
  /** As the mount table has it. */
  readonly path: string;
  readonly unit: string;
}

/** What is known of a mount beside its state. */
interface Watched {
  /** Null where no unit makes the mount, or systemd does not answer. */
  readonly unitState: UnitState | null;
  /** Every one of several lookups of fresh names said that it is dead. Without meaning for other states. */
  readonly isConfirmed: boolean;
  /** Since it was first seen hanging in this boot; null if it does not hang. */
  readonly hungForMs: number | null;
  /** Requests without an answer on its FUSE connection; null where nobody can say. */
  readonly waitingRequests: number | null;
}

export interface WatchedPath extends TieringPath, Watched {
  /** Of `[[hot_mounts]]`: the unit that mounts exactly this path. */
  readonly unit: string | null;
  /** `bind`: tiered. `unit`: a mount of its own. `below`: inside one of these. `none`: nobody knows how to mount it. */
  readonly mountedBy: 'bind' | 'unit' | 'below' | 'none';
  /** Ids of the jobs that need it. */
  readonly jobs: readonly number[];
}

export interface WatchedCrawl {
  /** `JOB-NNN`. */
  readonly attempt: string;
  readonly jobId: number;
  readonly outputDir: string;
  /** As a crawl finds it; `unknown` if it was not looked at. */
  readonly state: TieringPath['state'];
}

export interface Cooldown {
  readonly jobId: number;
  readonly outputDir: string;
  /** Wall clock: when the infra error was. */
  readonly beganAtMs: number;
}
