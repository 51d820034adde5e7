/**
 * What the lab's web site consists of, as plain data: path -> resource. Pure and deterministic.
 *
 * Two subtrees, `en/` and `fr/`, each an index, topics of 20 pages, and the oddities of real sites:
 *
 *   en/slow.html                 answers slowly
 *   en/removed.html              linked, but 404
 *   en/old-address.html          301 within the site, to a page that nothing else links to
 *   en/partner.html              302 to another host name (the same server as `localhost`)
 *   en/search.html?q=...&page=2  a page with a query string
 *   en/Santé publique.html       a path with UTF-8 and a space; linked percent-encoded
 *   en/internal/report.html      linked, but disallowed in robots.txt
 *   fr/seulement.html            linked only from en/
 *   assets/...                   images and the style sheet, outside of both prefixes
 */
import { noisePng } from './png.ts';
import { paragraph, type Language } from './text.ts';

export type Resource =
  | { readonly kind: 'page'; readonly html: () => string; readonly slow?: true }
  | { readonly kind: 'file'; readonly contentType: string; readonly bytes: () => Buffer | string }
  /** `host` names another host; the server adds its own port. */
  | { readonly kind: 'redirect'; readonly status: 301 | 302; readonly path: string; readonly host?: string }
  | { readonly kind: 'gone' };

export interface ContentOptions {
  /** Numbered pages in all, half of them (rounded up) under en/. */
  readonly pages: number;
  /** Where the site begins: '' or '/something', without a slash at the end. */
  readonly basePath: string;
}

const PAGES_PER_TOPIC = 20;
const IMAGE_SIDE_PIXELS = 48;
const IMAGES = 12;
const WORDS_PER_PAGE = 120;

const TITLES: Record<Language, string> = { en: 'Health archive test site', fr: "Site d'essai des archives" };

const two = (value: number): string => String(value).padStart(2, '0');
const four = (value: number): string => String(value).padStart(4, '0');
const link = (href: string, text: string): string => `<li><a href="${href}">${text}</a></li>`;

/** Every resource by its decoded path and query, e.g. `/en/topic-01/page-0001.html`. */
export function siteContent({ pages, basePath }: ContentOptions): Map<string, Resource> {
  const content = new Map<string, Resource>();
  const english = Math.ceil(pages / 2);
  addSubtree(content, basePath, 'en', english);
  addSubtree(content, basePath, 'fr', pages - english);
  addOddities(content, basePath);
  for (let image = 0; image < IMAGES; image += 1) {
    content.set(`${basePath}/assets/images/figure-${two(image)}.png`, {
      kind: 'file',
      contentType: 'image/png',
      bytes: () => noisePng(image + 1, IMAGE_SIDE_PIXELS),
    });
  }
  content.set(`${basePath}/assets/site.css`, {
    kind: 'file',
    contentType: 'text/css',
    bytes: () => `body { background: url("images/figure-00.png"); max-width: 60em; }\n`,
  });
  content.set('/robots.txt', {
    kind: 'file',
    contentType: 'text/plain',
    bytes: () => `User-agent: *\nDisallow: ${basePath}/en/internal/\n`,
  });
  content.set(`${basePath}/`, page('en', 'Choose a language', basePath, 0, ['en/', 'fr/']));
  return content;
}

function addSubtree(
  content: Map<string, Resource>,
  basePath: string,
  language: Language,
  count: number,
): void {
  const root = `${basePath}/${language}`;
  const topics = Math.ceil(count / PAGES_PER_TOPIC);
  const topicLinks = Array.from({ length: topics }, (_, topic) => `topic-${two(topic + 1)}/`);
  content.set(
    `${root}/`,
    page(language, TITLES[language], basePath, 0, [...topicLinks, ...indexLinks(language)]),
  );
  for (let number = 1; number <= count; number += 1) {
    const topic = Math.ceil(number / PAGES_PER_TOPIC);
    const folder = `${root}/topic-${two(topic)}`;
    const firstOfTopic = (topic - 1) * PAGES_PER_TOPIC + 1;
    if (number === firstOfTopic) {
      const last = Math.min(count, topic * PAGES_PER_TOPIC);
      const children = Array.from(
        { length: last - number + 1 },
        (_, index) => `page-${four(number + index)}.html`,
      );
      content.set(`${folder}/`, page(language, `Topic ${topic}`, basePath, topic, ['../', ...children]));
    }
    const other = language === 'en' ? 'fr' : 'en';
    const links = ['./', `../../${other}/`];
    if (number > firstOfTopic) links.push(`page-${four(number - 1)}.html`);
    content.set(
      `${folder}/page-${four(number)}.html`,
      page(language, `Page ${number}`, basePath, number, links),
    );
  }
}

function indexLinks(language: Language): string[] {
  if (language === 'fr') return ['../en/'];
  return [
    '../fr/',
    '../fr/seulement.html',
    'slow.html',
    'removed.html',
    'old-address.html',
    'partner.html',
    'search.html?q=measles&amp;page=2',
    'Sant%C3%A9%20publique.html',
    'internal/report.html',
  ];
}

function addOddities(content: Map<string, Resource>, basePath: string): void {
  const en = `${basePath}/en`;
  content.set(`${en}/slow.html`, { ...page('en', 'A slow page', basePath, 901, ['./']), slow: true });
  content.set(`${en}/removed.html`, { kind: 'gone' });
  content.set(`${en}/old-address.html`, { kind: 'redirect', status: 301, path: `${en}/new-address.html` });
  content.set(`${en}/new-address.html`, page('en', 'Moved here', basePath, 902, ['./']));
  content.set(`${en}/partner.html`, {
    kind: 'redirect',
    status: 302,
    host: 'localhost',
    path: `${basePath}/partner/welcome.html`,
  });
  content.set(`${basePath}/partner/welcome.html`, page('en', 'Another host', basePath, 903, []));
  content.set(`${en}/search.html?q=measles&page=2`, page('en', 'Results, page 2', basePath, 904, ['./']));
  content.set(`${en}/Santé publique.html`, page('en', 'Santé publique', basePath, 905, ['./']));
  content.set(`${en}/internal/report.html`, page('en', 'Not for robots', basePath, 906, []));
  content.set(
    `${basePath}/fr/seulement.html`,
    page('fr', 'Seulement en lien anglais', basePath, 907, ['./']),
  );
}

function page(
  language: Language,
  title: string,
  basePath: string,
  seed: number,
  links: readonly string[],
): Extract<Resource, { kind: 'page' }> {
  const html = (): string => `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><title>${title}</title><link rel="stylesheet" href="${basePath}/assets/site.css"></head>
<body>
<h1>${title}</h1>
<p>${paragraph(language, seed, WORDS_PER_PAGE)}</p>
<img src="${basePath}/assets/images/figure-${two(seed % IMAGES)}.png" alt="figure">
<ul>
${links.map((href) => link(href, decodeURI(href))).join('\n')}
</ul>
</body>
</html>
`;
  return { kind: 'page', html };
}
