import type { CrawlReport } from '../crawler/crawl-report.ts';

/** How the crawler ended, as its launcher saw it. */
export type CrawlerExit =
  | { readonly kind: 'exited'; readonly code: number }
  /** Also when it was told to stop and made a status of that. */
  | { readonly kind: 'signaled'; readonly signal: string }
  /** The program could not be started at all. */
  | { readonly kind: 'not_started'; readonly program: string; readonly errno: string }
  /** Storage answered the launcher's own work in the output directory with an error, before the crawler started. */
  | { readonly kind: 'storage_error'; readonly operation: string; readonly errno: string }
  /** The output directory is not where it was when the attempt was admitted. */
  | { readonly kind: 'wrong_storage'; readonly detail: string };

/** What the attempt left in the output directory: all of it synced. */
export interface ArchivedFiles {
  readonly warcFiles: number;
  readonly warcBytes: number;
}

/** Written by the launcher to local disk, atomically and synced. It outlives the worker. */
export interface ExitRecord {
  readonly attempt: string;
  /**
   * From the spec: the fencing token of the attempt's lease. A database restored from a backup gives the same names
   * again; the token tells this attempt's record from an old one.
   */
  readonly token: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exit: CrawlerExit;
  /** True when the launcher ended the crawler because its worker went away. */
  readonly workerLost: boolean;
  /** Null when it could not be synced, or nothing was begun. */
  readonly archived: ArchivedFiles | null;
  /** The last report of our own crawler; null when it left none, or another one ran. */
  readonly crawl: CrawlReport | null;
  /** Errno names of storage errors: from the launcher's own reading, writing and syncing, and from the crawler's report. */
  readonly storageErrnos: readonly string[];
}

/**
 * success; crawl_failure: uses the retry budget; infra_error: cooldown, no budget; config_error: a person must change
 * something first; interrupted: again, without using the budget; source_unreachable: likewise, after growing pauses; cancelled: never again.
 */
export const attemptOutcomes = [
  'success',
  'crawl_failure',
  'infra_error',
  'config_error',
  'interrupted',
  'source_unreachable',
  'cancelled',
] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** Why the worker ended the attempt; `none`: it ended by itself. `worker_lost`: its worker was gone before it ended; `stalled`: it stood still. */
export const endReasons = [
  'none',
  'cancel',
  'shutdown',
  'dead_storage',
  'lease_lost',
  'worker_lost',
  'stalled',
] as const;
export type EndReason = (typeof endReasons)[number];

export type CrawlerKind = 'http' | 'container';

export interface Judgement {
  readonly outcome: AttemptOutcome;
  /** One sentence for the operator. It may quote text from outside: escape it where it is shown. */
  readonly because: string;
}
