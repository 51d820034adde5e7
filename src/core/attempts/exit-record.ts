/** How the crawler ended, as its launcher saw it. With several passes: the worst of their ends. */
export type CrawlerExit =
  | { readonly kind: 'exited'; readonly code: number }
  /** Also when the launcher was told to stop between two passes, so that 'exited' always means that every pass ran. */
  | { readonly kind: 'signaled'; readonly signal: string }
  /** The program could not be started at all. */
  | { readonly kind: 'not_started'; readonly program: string; readonly errno: string }
  /** Storage answered the launcher's own work in the output directory with an error, before the crawler started. */
  | { readonly kind: 'storage_error'; readonly operation: string; readonly errno: string }
  /** The output directory is not where it was when the attempt was admitted. */
  | { readonly kind: 'wrong_storage'; readonly detail: string };

/** What the attempt left in the output directory. */
export interface ArchivedFiles {
  readonly warcFiles: number;
  readonly warcBytes: number;
  /**
   * Distinct URLs with a response of status 2xx, revisits included, and with one of status 4xx or 5xx; robots.txt is
   * not counted. From the CDX and the crawler's log; 0 for a crawler that writes no CDX.
   */
  readonly pages: number;
  readonly errorPages: number;
  /** Of `pages`: those inside of the job's scope. The rest are targets of redirects and page requisites. */
  readonly pagesInScope: number;
  /** Of `pages`: unchanged since an earlier attempt or pass, so that only a revisit record was written. */
  readonly revisits: number;
}

/** A seed that answered with a redirect out of the job's scope: wget archives its target, but follows no link there. */
export interface SeedRedirect {
  readonly seed: string;
  readonly location: string;
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
  /** True when the launcher ended the crawler because its log said that the archive can no longer be written. */
  readonly archiveUnwritable: boolean;
  /** Null when the output directory could not be read afterwards. */
  readonly archived: ArchivedFiles | null;
  readonly seedRedirects: readonly SeedRedirect[];
  /** Errno names of storage errors: from the launcher's own reading, writing and syncing, and from the crawler's log. */
  readonly storageErrnos: readonly string[];
}
