/** What the crawler program is told, and what it answers: files on the local disk, written by the one and read by the other. */

export interface CrawlSpec {
  /** `JOB-NNN`: the first part of the names of its files. */
  readonly attempt: string;
  /** http(s) addresses, at least one. */
  readonly seeds: readonly string[];
  /** Regular expression of the addresses that belong to the job (scope.ts). */
  readonly scopePattern: string;
  readonly requisitesFromOtherHosts: boolean;
  /** Between two requests to one server. */
  readonly waitSeconds: number;
  readonly userAgent: string;
  /** Of this job, through all of its attempts. */
  readonly frontierFile: string;
  /** For answers that are too large for memory. */
  readonly scratchDir: string;
  readonly reportFile: string;
  /** How long a source that can't be reached is waited for. */
  readonly outagePatienceMs: number;
  /** What takes longer, or is larger, is cut, and kept as that. */
  readonly answerSeconds: number;
  readonly answerBytes: number;
}

/** Written each second, and at the end. */
export interface CrawlReport {
  readonly attempt: string;
  /** Null: it is still at work, or was killed. */
  readonly end: CrawlEnd | null;
  /** `set_aside`: what was known of the job's addresses could not be read, so all of it is asked for again. */
  readonly frontier: 'continued' | 'new' | 'set_aside';
  /** Of all attempts together. */
  readonly counts: UrlCounts;
  /** Of this attempt. */
  readonly answered: number;
  readonly bytes: number;
  readonly currentUrl: string | null;
  /** When an address was last finished: ms of the wall clock. */
  readonly lastProgressMs: number;
  /** Some of those that failed for good, with the reason. */
  readonly failed: readonly NamedUrl[];
}

export interface NamedUrl {
  readonly url: string;
  readonly because: string | null;
}

export interface UrlCounts {
  readonly queued: number;
  readonly archived: number;
  readonly failed: number;
  readonly barred: number;
}

export type CrawlEnd =
  /** No address is left to ask for. */
  | { readonly kind: 'complete' }
  /** It was asked to stop; the next attempt goes on. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'source_unreachable'; readonly because: string }
  /** Storage, the local disk or the frontier answered so; what was archived before is good. */
  | { readonly kind: 'error'; readonly errno: string | null; readonly because: string };
