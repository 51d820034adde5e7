/** What a crawler says of an attempt: a file on the local disk, written each second, and at the end. */

/** Of any crawler: whether it comes forward. */
export interface LifeReport {
  readonly attempt: string;
  /** Grows with each address that has come to its end, with each byte that came, and while it waits on purpose. */
  readonly lifeSigns: number;
  /** Bytes in its WARC files. */
  readonly bytes: number;
}

/** Of our own. */
export interface CrawlReport extends LifeReport {
  /** Null: it is still at work, or was killed. */
  readonly end: CrawlEnd | null;
  readonly frontier: FrontierState;
  /** WARC files of earlier attempts that are gone or shorter than they were: what was in them is asked for again. */
  readonly lostFiles: readonly string[];
  /** Of all attempts together. */
  readonly counts: UrlCounts;
  /** Likewise: answers of status 2xx, and bytes in WARC files. */
  readonly total: { readonly pages: number; readonly bytes: number };
  /** Of this attempt: answers of status 2xx, of 4xx and 5xx, and of the former those that were known already. */
  readonly pages: number;
  readonly errorPages: number;
  readonly revisits: number;
  readonly currentUrl: string | null;
  /** Of all attempts together; null before the end. */
  readonly summary: CrawlSummary | null;
}

/**
 * What is known of a job's addresses: `continued` from its earlier attempts, `new` with its first one; `lost` or `set_aside` (it can't
 * be read) when there were attempts before, so that all is asked for again.
 */
export type FrontierState = 'continued' | 'new' | 'lost' | 'set_aside';

export interface CrawlSummary {
  /** Pages in scope that answered with status 2xx. */
  readonly pagesInScope: number;
  readonly seeds: readonly SeedEnd[];
  /** Addresses in scope that failed for good; pages are made of others as well, which are not the source's. */
  readonly failedInScope: number;
  /** Some of those that failed for good. */
  readonly failed: readonly NamedUrl[];
  /** Answers that were cut for their size or time, and pages that asked not to be followed. */
  readonly cut: number;
  readonly nofollow: number;
}

/** What became of a seed, with the redirects that it began. */
export interface SeedEnd {
  readonly seed: string;
  /** Where its redirects led; the seed itself without any. */
  readonly url: string;
  /** `outside`: that address is out of the scope. */
  readonly state: keyof UrlCounts | 'outside';
  readonly status: number | null;
  readonly because: string | null;
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

/** Of the program, for each end; anything else is no end of its own. As in sysexits.h: an input/output error. */
export const crawlExitStatus: Readonly<Record<CrawlEnd['kind'], number>> = {
  complete: 0,
  stopped: 3,
  source_unreachable: 4,
  error: 74,
};
