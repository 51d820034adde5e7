import type { BootClock } from './recovery-world.ts';

/**
 * What recovery remembers from run to run: one small file. Nothing of it is needed to see what is broken; it bounds what is
 * done about it, and it knows what an earlier run has begun.
 */
export interface RecoveryMemory {
  /** The newest last; none older than a day. */
  readonly recoveries: readonly PastRecovery[];
  readonly incident: Incident | null;
  /** What recovery has unmounted and not yet seen mounted again. */
  readonly takenOff: readonly TakenOff[];
  /** The last proof of each place that was broken once; none older than a day. */
  readonly verified: readonly Verification[];
  /** Cooldowns that recovery has ended; none older than a day. */
  readonly releases: readonly { readonly jobId: number; readonly atMs: number }[];
  /** By superblock: since when it hangs. */
  readonly hung: Readonly<Record<string, Since>>;
  /** Since when every run has found the deploy lock held. */
  readonly deployLock: Since | null;
}

/** One run of recovery that has changed something. */
export interface PastRecovery {
  /** Names the run: what it does itself is not held back by its own entry. */
  readonly run: string;
  readonly atMs: number;
  /** Places on which something was changed. Null: nobody knows any more, so every one. */
  readonly paths: readonly string[] | null;
  /** Jobs that were interrupted. */
  readonly jobs: readonly number[];
  /** `unfinished`: it runs, or it was killed. */
  readonly outcome: 'unfinished' | 'done' | 'failed';
}

/** From the first sight of a fault until everything is proved healthy, and still is so a while later. */
export interface Incident {
  readonly openedAtMs: number;
  /** Since when all is healthy and proved; null: something is not. */
  readonly healthySinceMs: number | null;
  /** Everything that was not healthy at some time in it. */
  readonly paths: readonly string[];
  /** Of these: those that are still to be proved. */
  readonly unproved: readonly string[];
}

export interface TakenOff {
  readonly path: string;
  /** What belongs there; null for what a unit mounts. */
  readonly coldPath: string | null;
  readonly unit: string | null;
  /** It was put back once more by a later run, whatever the limits said; after that they count again. */
  readonly isRetried: boolean;
}

export interface Verification {
  readonly path: string;
  readonly atMs: number;
  /** Jobs that it has let run again: each only once, or one that fails anew would be started in a loop. */
  readonly released: readonly number[];
}

/** By the boot clock. */
export interface Since {
  readonly bootId: string;
  readonly sinceBootMs: number;
}

export const emptyMemory: RecoveryMemory = {
  recoveries: [],
  incident: null,
  takenOff: [],
  verified: [],
  releases: [],
  hung: {},
  deployLock: null,
};

/**
 * What breaks again sooner than that goes on being one incident, also when each repair works, as with a process that is killed again
 * and again. The timer's look (every 30 s) comes after it, so an incident is closed by the first look that finds nothing to do.
 */
export const settleMs = 25_000;

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/**
 * As it is used from now on: stamps from the future become now, once and for all, or a clock that was set back by a day would
 * stop recovery for a day; and what is too old to matter is forgotten.
 */
export function cutMemory(memory: RecoveryMemory, nowMs: number): RecoveryMemory {
  const past = (ms: number): number => Math.min(ms, nowMs);
  const isYoung = ({ atMs }: { readonly atMs: number }): boolean => nowMs - atMs < dayMs;
  return {
    ...memory,
    recoveries: memory.recoveries.map((entry) => ({ ...entry, atMs: past(entry.atMs) })).filter(isYoung),
    incident: memory.incident && {
      ...memory.incident,
      openedAtMs: past(memory.incident.openedAtMs),
      healthySinceMs: memory.incident.healthySinceMs === null ? null : past(memory.incident.healthySinceMs),
    },
    verified: memory.verified.map((entry) => ({ ...entry, atMs: past(entry.atMs) })).filter(isYoung),
    releases: memory.releases.map((entry) => ({ ...entry, atMs: past(entry.atMs) })).filter(isYoung),
  };
}

/** What follows from a memory that could not be read: one recovery of everything has just happened. */
export function lostMemory(run: string, nowMs: number): RecoveryMemory {
  const recovery: PastRecovery = { run, atMs: nowMs, paths: null, jobs: [], outcome: 'done' };
  return { ...emptyMemory, recoveries: [recovery] };
}

/** `--rearm`: what was done is forgotten, what is to be done is not. */
export function rearmed(memory: RecoveryMemory): RecoveryMemory {
  return {
    ...memory,
    recoveries: [],
    takenOff: memory.takenOff.map((entry) => ({ ...entry, isRetried: false })),
  };
}

/** How long it lasts by now; null in another boot, where nobody knows. */
export function lastedMs(since: Since | null | undefined, { bootId, bootMs }: BootClock): number | null {
  if (since?.bootId !== bootId) return null;
  return Math.max(0, bootMs - since.sinceBootMs);
}
