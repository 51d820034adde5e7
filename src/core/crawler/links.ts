import { whyTrap } from './crawl-url.ts';

/** What a page or a style sheet leads to, as it was read there: relative to its base, not judged yet. */
export interface Link {
  /** Absolute, in the crawl's spelling. */
  readonly url: string;
  /** `page`: somewhere to go. `requisite`: what the page is made of, without which it does not look as it did. */
  readonly kind: 'page' | 'requisite';
}

/** Each once; what is a requisite anywhere is one. */
export class LinkSet {
  readonly #kinds = new Map<string, Link['kind']>();

  add(url: string | null, kind: Link['kind']): void {
    if (url === null || (kind === 'page' && this.#kinds.has(url))) return;
    this.#kinds.set(url, kind);
  }

  get links(): Link[] {
    return [...this.#kinds].map(([url, kind]) => ({ url, kind }));
  }
}

/** Judged: it belongs to the crawl, or is barred from it with the reason. */
export interface FoundLink extends Link {
  readonly barredBecause: string | null;
  /** Where an answer redirects to: it is asked for again though it was before, since that may have been without the cookie. */
  readonly isRedirect: boolean;
}

export interface CrawlScope {
  /** Of the addresses that the seeds stand for (core/crawler/scope.ts). */
  readonly pattern: RegExp;
  /** `name` or `name:port` of the seeds. */
  readonly hosts: ReadonlySet<string>;
  /** Pages are made of what other hosts have as well: fonts, scripts, pictures. */
  readonly requisitesFromOtherHosts: boolean;
}

export function isInScope(url: string, { pattern }: CrawlScope): boolean {
  return pattern.test(url);
}

/** Null: it leads out of the crawl. A redirect is followed once wherever it leads, as what it answers belongs to the page. */
export function judgeLink(link: Link, scope: CrawlScope, isRedirect = false): FoundLink | null {
  const { url, kind } = link;
  const isWanted =
    isInScope(url, scope) ||
    isRedirect ||
    (kind === 'requisite' && (scope.requisitesFromOtherHosts || scope.hosts.has(new URL(url).host)));
  if (!isWanted) return null;
  const trap = whyTrap(url);
  return { url, kind, isRedirect, barredBecause: trap === null ? null : `it looks like a trap: ${trap}` };
}
