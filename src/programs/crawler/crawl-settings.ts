import type { CrawlScope } from '../../core/crawler/links.ts';

export interface CrawlSettings {
  readonly seeds: readonly string[];
  readonly scope: CrawlScope;
  readonly waitSeconds: number;
  /** The value of `User-Agent`. */
  readonly userAgent: string;
  /** Our name in robots.txt. */
  readonly agent: string;
  /** How long a source that can't be reached is waited for. */
  readonly outagePatienceMs: number;
  /** Before an address that could not be had is asked for again; after the last one it has failed. */
  readonly retryPausesMs: readonly number[];
}
