/** What the attempt archived, from its CDX files and, for pages that were unchanged, from the crawler's log. */
import type { ArchivedFiles, SeedRedirect } from '../../core/attempts/exit-record.ts';
import type { CdxEntry } from '../../core/crawler/cdx.ts';
import { parseCdxLine } from '../../core/crawler/cdx.ts';
import { isRobotsTxt } from '../../core/crawler/progress.ts';
import { linesOfFile } from './lines-of-file.ts';
import { UrlFlags } from './url-flags.ts';

/** What is known of a URL. Archived by an earlier attempt or pass, with the last status: */
const EARLIER = 1;
const EARLIER_PAGE = 2;
const EARLIER_ERROR = 4;
/** Answered now and archived earlier. If this attempt's CDX has no line for it, a revisit record was written. */
const AGAIN = 8;
/** In this attempt's CDX: */
const NOW = 16;
const NOW_PAGE = 32;
const NOW_ERROR = 64;
const IN_SCOPE = 128;

/** Keeps no URL of the crawl, as there may be millions. */
export class CrawlTally {
  readonly #seeds: readonly string[];
  readonly #scope: RegExp | null;
  readonly #urls = new UrlFlags();
  /** Only of URLs that a seed leads to. */
  readonly #redirects = new Map<string, string>();
  readonly #leadsFromSeed: Set<string>;
  readonly #answeredSeeds = new Set<string>();

  constructor(seeds: readonly string[], scopePattern: string | null) {
    this.#seeds = seeds;
    this.#scope = scopePattern === null ? null : new RegExp(scopePattern);
    this.#leadsFromSeed = new Set(seeds);
  }

  addEarlier(entry: CdxEntry): void {
    if (isRobotsTxt(entry.url)) return;
    const others = this.#flagsOf(entry.url) & ~(EARLIER_PAGE | EARLIER_ERROR);
    const page = isSuccess(entry.status) ? EARLIER_PAGE : 0;
    const error = isError(entry.status) ? EARLIER_ERROR : 0;
    this.#urls.set(entry.url, others | EARLIER | page | error);
    this.#addRedirect(entry);
  }

  addAnswer(url: string): void {
    const flags = this.#urls.get(url);
    if (flags & EARLIER) this.#urls.set(url, flags | AGAIN);
    if (this.#seeds.includes(url)) this.#answeredSeeds.add(url);
  }

  hasAnswered(seed: string): boolean {
    return this.#answeredSeeds.has(seed);
  }

  /** Reads the attempt's own CDX files (names in `warcs/`). Throws Node's system errors. */
  readOwn(cdxFiles: readonly string[]): void {
    for (const name of cdxFiles) {
      for (const line of linesOfFile(`warcs/${name}`)) {
        const entry = parseCdxLine(line);
        if (entry !== null && !isRobotsTxt(entry.url)) this.#addOwn(entry);
      }
    }
  }

  /** What has been read so far. */
  counts(): Omit<ArchivedFiles, 'warcFiles' | 'warcBytes'> {
    const counts = { pages: 0, errorPages: 0, pagesInScope: 0, revisits: 0 };
    for (const flags of this.#urls.values()) {
      const isRevisit = (flags & NOW) === 0 && (flags & AGAIN) !== 0;
      if (flags & (isRevisit ? EARLIER_ERROR : NOW_ERROR)) counts.errorPages += 1;
      if (!(flags & (isRevisit ? EARLIER_PAGE : NOW_PAGE))) continue;
      counts.pages += 1;
      if (flags & IN_SCOPE) counts.pagesInScope += 1;
      if (isRevisit) counts.revisits += 1;
    }
    return counts;
  }

  #addOwn(entry: CdxEntry): void {
    const flags = this.#flagsOf(entry.url);
    this.#addRedirect(entry);
    // A page that failed first and worked later is a page.
    if (flags & NOW_PAGE) return;
    const page = isSuccess(entry.status) ? NOW_PAGE : 0;
    const error = isError(entry.status) ? NOW_ERROR : 0;
    this.#urls.set(entry.url, (flags & ~NOW_ERROR) | NOW | page | error);
  }

  #flagsOf(url: string): number {
    const flags = this.#urls.get(url);
    if (flags !== 0) return flags;
    return this.#isInScope(url) ? IN_SCOPE : 0;
  }

  /** Of a chain of redirects wget asks, and the CDX tells, in its order. */
  #addRedirect({ url, redirect }: CdxEntry): void {
    if (redirect === null || !this.#leadsFromSeed.has(url)) return;
    this.#redirects.set(copyOf(url), copyOf(redirect));
    if (URL.canParse(redirect, url)) this.#leadsFromSeed.add(new URL(redirect, url).href);
  }

  /** After `readOwn`. */
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

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function isError(status: number): boolean {
  return status >= 400;
}

/** A piece of a larger text would keep that in memory. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
