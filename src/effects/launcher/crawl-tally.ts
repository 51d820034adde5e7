/** What the attempt archived, from its CDX files and, for pages that were unchanged, from the crawler's log. */
import type { ArchivedFiles, SeedRedirect } from '../../core/attempts/exit-record.ts';
import type { CdxEntry } from '../../core/crawler/cdx.ts';
import { parseCdxLine } from '../../core/crawler/cdx.ts';
import { isRobotsTxt } from '../../core/crawler/progress.ts';
import { linesOfFile } from './lines-of-file.ts';

export class CrawlTally {
  readonly #seeds: readonly string[];
  readonly #scope: RegExp | null;
  /** By URL: the status under which an earlier attempt archived it. */
  readonly #earlier = new Map<string, number>();
  readonly #redirects = new Map<string, string>();
  /** Answered now and archived earlier. If this attempt's CDX has no line for it, a revisit record was written. */
  readonly #answeredAgain = new Set<string>();
  readonly #answeredSeeds = new Set<string>();

  constructor(seeds: readonly string[], scopePattern: string | null) {
    this.#seeds = seeds;
    this.#scope = scopePattern === null ? null : new RegExp(scopePattern);
  }

  addEarlier(entry: CdxEntry): void {
    this.#earlier.set(entry.url, entry.status);
    if (entry.redirect !== null) this.#redirects.set(entry.url, entry.redirect);
  }

  addAnswer(url: string): void {
    if (this.#earlier.has(url)) this.#answeredAgain.add(url);
    if (this.#seeds.includes(url)) this.#answeredSeeds.add(url);
  }

  hasAnswered(seed: string): boolean {
    return this.#answeredSeeds.has(seed);
  }

  /** Reads the attempt's own CDX files (names in `warcs/`). Throws Node's system errors. */
  count(cdxFiles: readonly string[]): Omit<ArchivedFiles, 'warcFiles' | 'warcBytes'> {
    const status = new Map<string, number>();
    for (const name of cdxFiles) {
      for (const line of linesOfFile(`warcs/${name}`)) {
        const entry = parseCdxLine(line);
        if (entry === null) continue;
        // A page that failed first and worked later is a page.
        if (!isSuccess(status.get(entry.url))) status.set(entry.url, entry.status);
        if (entry.redirect !== null) this.#redirects.set(entry.url, entry.redirect);
      }
    }
    const revisits = [...this.#answeredAgain].filter((url) => !status.has(url));
    for (const url of revisits) status.set(url, this.#earlier.get(url) ?? 0);
    const urls = [...status].filter(([url]) => !isRobotsTxt(url));
    const pages = urls.filter(([, code]) => isSuccess(code)).map(([url]) => url);
    return {
      pages: pages.length,
      errorPages: urls.filter(([, code]) => code >= 400).length,
      pagesInScope: pages.filter((url) => this.#isInScope(url)).length,
      revisits: revisits.filter((url) => !isRobotsTxt(url) && isSuccess(status.get(url))).length,
    };
  }

  /** After `count`. */
  seedRedirects(): SeedRedirect[] {
    return this.#seeds.flatMap((seed) => {
      const location = this.#endOfRedirects(seed);
      return location === seed || this.#isInScope(location) ? [] : [{ seed, location }];
    });
  }

  #endOfRedirects(seed: string): string {
    let url = seed;
    const seen = new Set<string>();
    for (let next = this.#redirects.get(url); next !== undefined; next = this.#redirects.get(url)) {
      if (seen.has(url) || !URL.canParse(next, url)) break;
      seen.add(url);
      url = new URL(next, url).href;
    }
    return url;
  }

  #isInScope(url: string): boolean {
    return this.#scope === null || this.#scope.test(url);
  }
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}
