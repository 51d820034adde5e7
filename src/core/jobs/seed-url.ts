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
