import type { DeployLockState } from '../deploy-gate.ts';
import type { ArchiveRecord } from '../storage/archive.ts';
import type { Expectation } from '../storage/expectation.ts';
import type { Lookup } from '../storage/lookup.ts';
import type { ManifestProblem } from '../storage/manifest.ts';
import type { Mount } from '../storage/mountinfo.ts';
import type { UnitState } from '../units/unit-state.ts';

/**
 * All that recovery decides by, read once and not yet judged (seen-world.ts does that). Plain data: it can be printed, kept
 * as evidence, and changed by `foretell`. All paths are canonical.
 */
export interface RecoveryWorld {
  readonly jobsRoot: string;
  readonly staleErrnos: readonly string[];
  /** The mount table of this host, in the kernel's order. */
  readonly mounts: readonly Mount[];
  /** Of every target and of its cold path, of the base, and of other mounts that look like the base's, by path. */
  readonly lookups: ReadonlyMap<string, Lookup>;
  /** Superblocks (`major:minor`) of which every one of several lookups of fresh names said that they are dead. */
  readonly confirmedDead: ReadonlySet<string>;
  /** Requests without an answer, by superblock; only FUSE counts them. */
  readonly waitingRequests: ReadonlyMap<string, number>;
  /** Null without a storage box in the configuration. */
  readonly base: RecoveryBase | null;
  readonly targets: readonly Target[];
  /** What systemd says, by the unit's name; null where it says nothing. */
  readonly units: ReadonlyMap<string, UnitState | null>;
  /** Attempts of this host whose lock is held. */
  readonly crawls: readonly RunningCrawl[];
  /** What could not be seen, as sentences: who asks has too few rights. */
  readonly notSeen: readonly string[];
  /** Null when the database answered; else why not. */
  readonly jobsUnknownBecause: string | null;
  readonly manifestProblems: readonly ManifestProblem[];
  readonly deployLock: DeployLockState;
  readonly hasSentinel: boolean;
  readonly clock: BootClock;
}

export interface RecoveryBase {
  readonly path: string;
  readonly fstype: string;
  readonly unit: string;
}

/** A path that recovery looks after. */
export interface Target {
  readonly path: string;
  /** As jobs and configuration have it. */
  readonly configuredPath: string;
  readonly expectation: Expectation;
  readonly place: Place;
  /** What was archived there; `unknown` without the database. */
  readonly archive: ArchiveRecord | 'unknown' | null;
  /** Jobs that need it. */
  readonly jobs: readonly number[];
  /** False: its links could not be followed, so the mount table says nothing about it. */
  readonly isResolved: boolean;
}

/** What belongs at a path. One tree for all of them: an inner one waits for the one that it lies in. */
export type Place =
  /** A directory of the storage box. */
  | { readonly kind: 'bind'; readonly coldPath: string }
  /** What this unit mounts. */
  | { readonly kind: 'unit'; readonly unit: string }
  /** Nothing of its own: it lies on the place at `mountPoint`. */
  | { readonly kind: 'below'; readonly mountPoint: string }
  /** Nobody knows how to mount it. */
  | { readonly kind: 'none' };

/** In place of a superblock, where only that much is known of a crawl. */
export const onLocalDisk = 'local';

export interface RunningCrawl {
  /** `JOB-NNN`. */
  readonly attempt: string;
  readonly jobId: number;
  readonly outputDir: string;
  /**
   * `major:minor` of the superblock that it works on, as it was admitted: it stays the crawl's own for as long as it
   * lives, whatever lies at the path by now. `onLocalDisk`: none that could die. Null: not known, it may use any.
   */
  readonly device: string | null;
}

/** The clock that nobody can step, and the boot in which it counts. */
export interface BootClock {
  readonly bootId: string;
  readonly bootMs: number;
}
