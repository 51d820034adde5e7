import { readFileSync } from 'node:fs';
import type { CrawlReport, LifeReport } from '../core/crawler/crawl-report.ts';
import type { Progress } from '../core/jobs/job.ts';

/** What a crawl says of itself while it runs, from its report on the local disk. Times are of the clock of `performance.now`. */
export class AttemptReport {
  readonly #file: string;
  readonly #startedMs: number;
  #last: LifeReport | CrawlReport | null = null;
  /** When it came forward last. */
  #aliveMs: number;

  constructor(file: string, nowMs: number) {
    this.#file = file;
    this.#startedMs = nowMs;
    this.#aliveMs = nowMs;
  }

  /** Reads it anew. Without one the crawl goes on all the same. */
  read(nowMs: number): void {
    try {
      const report = JSON.parse(readFileSync(this.#file, 'utf8')) as LifeReport | CrawlReport;
      if (report.lifeSigns !== this.#last?.lifeSigns) this.#aliveMs = nowMs;
      this.#last = report;
    } catch {
      // It has not written one yet, or the disk is full.
    }
  }

  /** For how long nothing has come forward, ms. */
  standsStillMs(nowMs: number): number {
    return nowMs - this.#aliveMs;
  }

  progress(nowMs: number): Progress {
    const report = this.#last;
    const seconds = Math.max((nowMs - this.#startedMs) / 1000, 0.001);
    const own = report !== null && 'counts' in report ? report : null;
    return {
      pages: own?.total.pages ?? 0,
      bytes: own?.total.bytes ?? report?.bytes ?? 0,
      currentUrl: own?.currentUrl ?? null,
      bytesPerSecond: Math.round((report?.bytes ?? 0) / seconds),
      urls: own?.counts ?? null,
    };
  }
}
