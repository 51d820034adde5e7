/** One spelling for each address, so that the frontier knows it again, and addresses that no crawl ends with. */

/** Longer ones are made by programs that go round in circles; browsers and servers begin to refuse about here. */
const longest = 4096;
const mostSegments = 40;
/** The same segments that many times, one after another, are a link that is relative where it should not be. */
const mostRepetitions = 3;

/** http and https without fragment and credentials, in the spelling of the WHATWG URL standard. Null: nothing that is crawled. */
export function crawlUrl(reference: string, base?: string): string | null {
  let url: URL;
  try {
    url = new URL(reference.trim(), base);
  } catch {
    return null;
  }
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return null;
  url.hash = '';
  url.username = '';
  url.password = '';
  return url.href;
}

/** Why following it would lead into a trap: a phrase; null if it would not. As Heritrix's rules for pathological paths. */
export function whyTrap(url: string): string | null {
  if (url.length > longest) return `longer than ${longest} characters`;
  const segments = new URL(url).pathname.split('/').filter((segment) => segment !== '');
  if (segments.length > mostSegments) return `more than ${mostSegments} path segments`;
  const path = `/${segments.join('/')}/`;
  // Groups of up to three segments: /a/a/a/a, /a/b/a/b/a/b/a/b.
  const repeated = new RegExp(`(/[^/]+(?:/[^/]+){0,2})\\1{${mostRepetitions}}(?=/)`).exec(path)?.[1];
  return repeated === undefined ? null : `${repeated} comes more than ${mostRepetitions} times in a row`;
}

/**
 * The seed in its canonical form, or null when it is no http(s) URL with a host. URL parsers take much for a host that nobody means
 * as one (https://url.spec.whatwg.org/#concept-ipv4-parser): in `http:8080/` and `http://8080/` a port without its host.
 */
export function canonicalSeed(text: string): string | null {
  const [, host = ''] = /^https?:\/\/(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]+)/i.exec(text.trim()) ?? [];
  if (host === '' || /^\d+$/.test(host) || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return null;
  if (!url.hostname.startsWith('[') && /(^|\.)\.|[^.]{64}/.test(url.hostname)) return null;
  url.hash = '';
  return url.href;
}
