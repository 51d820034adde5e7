import { Parser } from 'htmlparser2';
import { crawlUrl } from '../../core/crawler/crawl-url.ts';
import { referencesOfCss } from './css-links.ts';
import { LinkSet, type Link } from '../../core/crawler/links.ts';

export interface HtmlLinks {
  readonly links: readonly Link[];
  /** The page asks crawlers not to follow its links (`<meta name="robots" content="nofollow">`); those are left out then. */
  readonly isNofollow: boolean;
}

type Kind = Link['kind'];

/** Attributes that hold one address, by element; `*` is any element. */
const ADDRESSES: Readonly<Record<string, readonly (readonly [string, Kind])[]>> = {
  a: [['href', 'page']],
  area: [['href', 'page']],
  iframe: [['src', 'page']],
  frame: [['src', 'page']],
  img: [
    ['src', 'requisite'],
    ['longdesc', 'page'],
  ],
  script: [['src', 'requisite']],
  source: [['src', 'requisite']],
  track: [['src', 'requisite']],
  audio: [['src', 'requisite']],
  video: [
    ['src', 'requisite'],
    ['poster', 'requisite'],
  ],
  embed: [['src', 'requisite']],
  object: [['data', 'requisite']],
  input: [['src', 'requisite']],
  image: [
    ['href', 'requisite'],
    ['xlink:href', 'requisite'],
  ],
  use: [
    ['href', 'requisite'],
    ['xlink:href', 'requisite'],
  ],
  blockquote: [['cite', 'page']],
  q: [['cite', 'page']],
  '*': [
    ['background', 'requisite'],
    ['data-src', 'requisite'],
    ['data-original', 'requisite'],
    ['data-background', 'requisite'],
    ['data-bg', 'requisite'],
  ],
};
const SETS = ['srcset', 'imagesrcset', 'data-srcset'];
/** Relations of a `<link>` whose target the page is made of, or which the browser asks for with it. */
const REQUISITE_RELATIONS =
  /(^|\s)(stylesheet|icon|apple-touch-icon\S*|mask-icon|manifest|preload|modulepreload|prefetch)(\s|$)/i;
/** Their targets are not to be fetched: they name a host, or a service. */
const NO_RELATIONS = /(^|\s)(preconnect|dns-prefetch|pingback|profile|edituri|wlwmanifest)(\s|$)/i;

/** However broken the page is: as much as a browser would make of it, without running its scripts. */
export function linksOfHtml(text: string, pageUrl: string): HtmlLinks {
  const reader = new LinkReader(pageUrl);
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        reader.open(name, attributes);
      },
      ontext: (data) => {
        reader.text(data);
      },
      onclosetag: (name) => {
        reader.close(name);
      },
    },
    { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true, recognizeSelfClosing: true },
  );
  parser.write(text);
  parser.end();
  return reader.result;
}

class LinkReader {
  readonly #pageUrl: string;
  readonly #found: { readonly reference: string; readonly kind: Kind }[] = [];
  #base: string | null = null;
  #isNofollow = false;
  #style: string[] | null = null;

  constructor(pageUrl: string) {
    this.#pageUrl = pageUrl;
  }

  /** Only now, since `<base>` counts for what stands before it as well. */
  get result(): HtmlLinks {
    const links = new LinkSet();
    const base = this.#base ?? this.#pageUrl;
    for (const { reference, kind } of this.#found) {
      if (kind === 'page' && this.#isNofollow) continue;
      links.add(crawlUrl(reference, base), kind);
    }
    return { links: links.links, isNofollow: this.#isNofollow };
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    for (const [attribute, kind] of [...(ADDRESSES[name] ?? []), ...(ADDRESSES['*'] ?? [])])
      this.#add(attributes[attribute], kind);
    for (const attribute of SETS)
      for (const candidate of candidatesOf(attributes[attribute] ?? '')) this.#add(candidate, 'requisite');
    for (const reference of referencesOfCss(attributes['style'] ?? '')) this.#add(reference, 'requisite');
    if (name === 'link') this.#link(attributes);
    else if (name === 'meta') this.#meta(attributes);
    else if (name === 'style') this.#style = [];
    else if (name === 'base' && this.#base === null && attributes['href'] !== undefined)
      this.#base = crawlUrl(attributes['href'], this.#pageUrl);
  }

  text(data: string): void {
    this.#style?.push(data);
  }

  close(name: string): void {
    if (name !== 'style' || this.#style === null) return;
    for (const reference of referencesOfCss(this.#style.join(''))) this.#add(reference, 'requisite');
    this.#style = null;
  }

  #add(reference: string | undefined, kind: Kind): void {
    // A fragment alone is the page itself, and an empty one is nothing.
    if (reference === undefined || /^\s*(#|$)/.test(reference)) return;
    this.#found.push({ reference, kind });
  }

  #link({ rel = '', href }: Readonly<Record<string, string>>): void {
    if (NO_RELATIONS.test(rel)) return;
    this.#add(href, REQUISITE_RELATIONS.test(rel) ? 'requisite' : 'page');
  }

  #meta(attributes: Readonly<Record<string, string>>): void {
    const { content = '' } = attributes;
    const name = (attributes['name'] ?? attributes['property'] ?? '').toLowerCase();
    if (attributes['http-equiv']?.toLowerCase() === 'refresh')
      this.#add(/^[\s\d.]*[;,]?\s*(?:url\s*=\s*)?(["']?)(.*?)\1\s*$/i.exec(content)?.[2], 'page');
    else if (name === 'robots' && /(^|[\s,])(nofollow|none)([\s,]|$)/i.test(content)) this.#isNofollow = true;
    else if (/^(og:image|og:video|og:audio|twitter:image)(:secure_url|:url)?$/.test(name))
      this.#add(content, 'requisite');
  }
}

/** The addresses of a srcset, by the HTML standard's steps: a comma inside one belongs to it, one at its end does not. */
export function candidatesOf(srcset: string): string[] {
  const candidates: string[] = [];
  let rest = srcset;
  for (;;) {
    rest = rest.replace(/^[\s,]+/, '');
    const [word = ''] = /^\S+/.exec(rest) ?? [];
    if (word === '') return candidates;
    rest = rest.slice(word.length);
    const candidate = word.replace(/,+$/, '');
    if (candidate !== '') candidates.push(candidate);
    // Descriptors follow, up to the next comma that is not in parentheses.
    if (candidate === word) rest = rest.replace(/^(?:\([^)]*\)?|[^,(])*/, '');
  }
}
