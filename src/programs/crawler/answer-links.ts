import { crawlUrl } from '../../core/crawler/crawl-url.ts';
import {
  type CrawlScope,
  type FoundLink,
  isInScope,
  judgeLink,
  type Link,
} from '../../core/crawler/links.ts';
import { decodedContent } from './content.ts';
import { linksOfCss } from './css-links.ts';
import type { Exchange } from './exchange.ts';
import type { Claimed } from './frontier.ts';
import { linksOfHtml } from './html-links.ts';
import { fieldValues } from './http-response.ts';
import { mediaType, pageText } from './page-text.ts';

export interface AnswerLinks {
  /** Those that belong to the crawl. */
  readonly links: readonly FoundLink[];
  /** Where it redirects to, wherever that is. */
  readonly leadsTo: string | null;
  /** The page asks crawlers not to follow its links. */
  readonly isNofollow: boolean;
}

/** Links are read in this much of a page. */
const readBytes = 16 * 1024 * 1024;

const none: AnswerLinks = { links: [], leadsTo: null, isNofollow: false };

/** Where an answer leads: its redirect, or what a page, a style sheet or a drawing names. */
export async function linksOfAnswer(
  { url, kind }: Pick<Claimed, 'url' | 'kind'>,
  { head, body }: Pick<Exchange, 'head' | 'body'>,
  scope: CrawlScope,
): Promise<AnswerLinks> {
  const judged = (links: readonly Link[], isRedirect = false): FoundLink[] =>
    links.flatMap((link) => judgeLink(link, scope, isRedirect) ?? []);
  const [location] = fieldValues(head, 'location');
  if (head.status >= 300 && head.status < 400 && location !== undefined) {
    const target = crawlUrl(Buffer.from(location, 'latin1').toString('utf8'), url);
    if (target === null) return none;
    // What is out of the scope is kept as part of the page that redirects there, and leads nowhere.
    const isPage = kind === 'page' && isInScope(target, scope);
    const links = judged([{ url: target, kind: isPage ? 'page' : 'requisite' }], true);
    return { links, leadsTo: target, isNofollow: false };
  }
  const [contentType = null] = fieldValues(head, 'content-type');
  const type = mediaType(contentType);
  const isPage = /^(text\/html|application\/xhtml\+xml)$/.test(type);
  if (!isPage && type !== 'text/css' && type !== 'image/svg+xml') return none;
  const codings = fieldValues(head, 'content-encoding').join(',');
  const bytes = await decodedContent(body.parts(), codings, readBytes);
  if (type === 'text/css')
    return { ...none, links: judged(linksOfCss(pageText(bytes, contentType, 'utf-8'), url)) };
  const text = pageText(bytes, contentType, isPage ? 'windows-1252' : 'utf-8');
  const { links, isNofollow } = linksOfHtml(text, url);
  // A page of elsewhere is part of one of ours: what it is made of, not where it leads.
  const own = isInScope(url, scope) ? links : links.filter((link) => link.kind === 'requisite');
  return { links: judged(own), leadsTo: null, isNofollow };
}
