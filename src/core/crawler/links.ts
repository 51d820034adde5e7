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
