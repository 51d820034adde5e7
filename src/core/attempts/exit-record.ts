/** How the crawler ended, as its launcher saw it. */
export type CrawlerExit =
  | { readonly kind: 'exited'; readonly code: number }
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
  /** Distinct URLs with a response record of status 2xx, and of status 4xx or 5xx (from the CDX; 0 if there is none). */
  readonly pages: number;
  readonly errorPages: number;
}

/** Written by the launcher to local disk, atomically and synced, as its last act. It outlives the worker. */
export interface ExitRecord {
  readonly attempt: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exit: CrawlerExit;
  /** True when the launcher ended the crawler because its worker went away. */
  readonly workerLost: boolean;
  /** Null when the output directory could not be read afterwards. */
  readonly archived: ArchivedFiles | null;
  /** Errno names of storage errors: from syncing the archive files, and from the crawler's own log. */
  readonly storageErrnos: readonly string[];
}
