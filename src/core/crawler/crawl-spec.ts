/** What the crawler program is told, in a file on the local disk. What it answers is in crawl-report.ts. */
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
  /** Of this job, through all of its attempts. Its folder is made if it is absent. */
  readonly frontierFile: string;
  /** The job was completed before, and a person asked for it once more: nothing of what earlier attempts knew counts. */
  readonly isBegunAnew: boolean;
  /** For answers that are too large for memory. */
  readonly scratchDir: string;
  readonly reportFile: string;
  /** How long a source that can't be reached is waited for. */
  readonly outagePatienceMs: number;
  /** Before an address that could not be had is asked for again; after the last one it has failed. */
  readonly retryPausesMs: readonly number[];
  /** What takes longer, or is larger, is cut, and kept as that. */
  readonly answerSeconds: number;
  readonly answerBytes: number;
}
