/** What recovery remembers from run to run: a file of its own, small, and never needed to repair anything. */
export interface RecoveryHistory {
  /** The newest last; none older than a day. */
  readonly recoveries: readonly PastRecovery[];
  readonly incident: Incident | null;
  /** By device: since when it hangs. */
  readonly hung: Readonly<Record<string, HungSince>>;
}

export interface PastRecovery {
  /** Wall clock. A stamp from the future counts as now. */
  readonly atMs: number;
  /** Null: every one, as nobody knows any more what was repaired. */
  readonly paths: readonly string[] | null;
  readonly jobs: readonly number[];
  /** `unfinished`: it runs, or it was killed. */
  readonly outcome: 'unfinished' | 'done' | 'failed';
  /** Jobs whose cooldown it has ended: each only once, or a job that fails anew would be run in a loop. */
  readonly released: readonly number[];
}

/** From the first sight of a fault until everything is proved healthy again. */
export interface Incident {
  readonly openedAtMs: number;
  readonly paths: readonly string[];
}

/** By the boot clock, which nobody can step. */
export interface HungSince {
  readonly bootId: string;
  readonly sinceBootMs: number;
}

export const emptyHistory: RecoveryHistory = { recoveries: [], incident: null, hung: {} };

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Of the last `lengthMs`; a stamp from the future counts as now. */
export function recoveriesWithin(history: RecoveryHistory, lengthMs: number, nowMs: number): PastRecovery[] {
  return history.recoveries.filter(({ atMs }) => nowMs - Math.min(atMs, nowMs) < lengthMs);
}

/** The history with one recovery more; what is too old to matter is forgotten. */
export function withRecovery(
  history: RecoveryHistory,
  recovery: PastRecovery,
  nowMs: number,
): RecoveryHistory {
  return { ...history, recoveries: [...recoveriesWithin(history, dayMs, nowMs), recovery] };
}

/** The history with another end of its newest recovery. */
export function withOutcome(
  history: RecoveryHistory,
  change: Partial<Pick<PastRecovery, 'outcome' | 'released' | 'paths' | 'jobs'>>,
): RecoveryHistory {
  const last = history.recoveries.at(-1);
  if (last === undefined) return history;
  return { ...history, recoveries: [...history.recoveries.slice(0, -1), { ...last, ...change }] };
}
