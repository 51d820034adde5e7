/** The tables of the Python original, as far as the way over needs them. Times are milliseconds since the Unix epoch. */

/** One row of `sources`. */
export interface LegacySource {
  readonly id: number;
  readonly code: string;
  readonly name: string | null;
  readonly baseUrl: string | null;
  readonly isEnabled: boolean;
}

/** One row of `archive_jobs`. */
export interface LegacyJob {
  readonly id: number;
  readonly sourceId: number | null;
  readonly name: string;
  readonly outputDir: string;
  /** queued, running, retryable, failed, completed; indexing, indexed, index_failed, which all mean that the crawl is done. */
  readonly status: string;
  readonly createdAtMs: number | null;
  readonly queuedAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly retryCount: number;
  /** Its JSON; null: none, or none that can be read. */
  readonly config: LegacyConfig | null;
  readonly crawlerExitCode: number | null;
  readonly crawlerStatus: string | null;
  readonly crawlerStage: string | null;
  readonly pagesCrawled: number;
  readonly pagesFailed: number;
  readonly warcFiles: number;
  readonly warcBytes: number;
  readonly finalZimPath: string | null;
  readonly combinedLogPath: string | null;
}

export interface LegacyConfig {
  readonly seeds: readonly string[];
  readonly campaignKind: string | null;
  readonly campaignYear: number | null;
  /** Names of options of its crawler that are set: they mean nothing to another one. */
  readonly crawlerOptions: readonly string[];
}

/** A row that could not be understood. */
export interface LegacyProblem {
  readonly table: 'sources' | 'archive_jobs';
  readonly id: number | null;
  readonly because: string;
}

export interface LegacyData {
  readonly sources: readonly LegacySource[];
  readonly jobs: readonly LegacyJob[];
  readonly problems: readonly LegacyProblem[];
}
