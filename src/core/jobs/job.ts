import type { StorageState } from '../storage/path-state.ts';
import type { MountIdentity } from '../storage/mountinfo.ts';
import type { UrlCounts } from '../crawler/crawl-report.ts';
import type { Deadline } from './retry.ts';
import type { Lease } from './lease.ts';

export const jobStatuses = ['queued', 'running', 'retryable', 'completed', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof jobStatuses)[number];

export const unfinishedStatuses: readonly JobStatus[] = ['queued', 'running', 'retryable'];

/** How the job's latest attempt ended. */
export type CrawlerStatus =
  'success' | 'failed' | 'infra_error' | 'config_error' | 'interrupted' | 'source_unreachable';

/** Someone other than the worker wants a running attempt to end. */
export type StopRequest = 'cancel' | 'interrupt';

/** Why a job that could run is not attempted: its storage. Parking changes nothing else about the job. */
export interface Parked {
  readonly reason: StorageState;
  readonly detail: string;
  readonly sinceMs: number;
}

/** What the crawler has archived: of our own by all attempts together, of another one by the running (or last) attempt. */
export interface Progress {
  readonly pages: number;
  readonly bytes: number;
  readonly currentUrl: string | null;
  /** Of the running (or last) attempt. */
  readonly bytesPerSecond: number;
  /** Of all attempts together; null: the crawler does not say. */
  readonly urls: UrlCounts | null;
}

/** A crawl of one source into one output directory. Times are milliseconds since the Unix epoch. */
export interface Job {
  readonly id: number;
  readonly source: string;
  readonly name: string;
  readonly status: JobStatus;
  readonly crawlerStatus: CrawlerStatus | null;
  readonly retryCount: number;
  readonly outputDir: string;
  readonly seeds: readonly string[];
  readonly waitSeconds: number;
  readonly campaignKind: 'annual' | null;
  readonly campaignYear: number | null;
  readonly queuedAtMs: number | null;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** Not before this, because of an infra error. */
  readonly infraRetry: Deadline | null;
  /** Not before this, because of a crawl failure or workers that died under it. */
  readonly backoff: Deadline | null;
  readonly attempts: number;
  /** Attempts in a row whose worker died under them. */
  readonly lostInARow: number;
  /** Attempts in a row that could not reach the source. */
  readonly unreachableInARow: number;
  readonly lastError: string | null;
  readonly parked: Parked | null;
  /** What the output directory lay on when the job first ran. */
  readonly storageIdentity: MountIdentity | null;
  /** Of the attempt that archived most; 0: none of those that have ended has archived anything. */
  readonly mostArchivedBytes: number;
  readonly lease: Lease | null;
  readonly stopRequest: StopRequest | null;
  readonly progress: Progress | null;
}
