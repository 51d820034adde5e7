/**
 * Which URLs belong to a job: the union of what its seeds stand for. A seed stands for a part of its host:
 *
 *   https://a.example/            everything on a.example
 *   https://a.example/en/         everything below /en/
 *   https://a.example/en/x.html   its folder: everything below /en/
 *   https://a.example/en/health   that section: /en/health itself, /en/health/..., /en/health.html, /en/health?...
 *
 * http and https are one host. A port that is not the scheme's own belongs to the host: 127.0.0.1:8001 and :8002 are two.
 */
export interface ScopePart {
  /** `name` or `name:port`, as it stands in a URL. */
  readonly host: string;
  readonly path: string;
  /** folder: `path` ends in a slash, everything below it; section: `path` itself and what continues it. */
  readonly kind: 'folder' | 'section';
}

/** What each seed stands for; parts that another part covers are left out. Seeds must be http(s) URLs. */
export function scopeOf(seeds: readonly string[]): ScopePart[] {
  const parts: ScopePart[] = [];
  for (const part of seeds.map(partOf)) {
    if (parts.some((other) => covers(other, part))) continue;
    parts.splice(0, parts.length, ...parts.filter((other) => !covers(part, other)), part);
  }
  return parts;
}

function partOf(seed: string): ScopePart {
  const { host, pathname } = new URL(seed);
  const lastSegment = pathname.slice(pathname.lastIndexOf('/') + 1);
  const isFile = /\.[A-Za-z][A-Za-z0-9]{0,5}$/.test(lastSegment);
  if (lastSegment !== '' && !isFile) return { host, path: pathname, kind: 'section' };
  return { host, path: pathname.slice(0, pathname.lastIndexOf('/') + 1), kind: 'folder' };
}

function covers(outer: ScopePart, inner: ScopePart): boolean {
  if (outer.host !== inner.host || !inner.path.startsWith(outer.path)) return false;
  return (
    outer.kind === 'folder' || inner.path === outer.path || /^[/.?]/.test(inner.path.slice(outer.path.length))
  );
}

/** Regular expression (POSIX extended, and JavaScript) of the URLs inside of the parts, anchored at the start. */
export function scopePattern(parts: readonly ScopePart[]): string {
  return alternatives(parts.map((part) => partPattern(part)));
}

/** As `scopePattern`, for everything on one host. */
function hostPattern(host: string): string {
  return `^https?://${literal(host)}/`;
}

function partPattern(part: ScopePart): string {
  return hostPattern(part.host) + literal(part.path.slice(1)) + (part.kind === 'section' ? '([/.?]|$)' : '');
}

function alternatives(patterns: readonly string[]): string {
  return patterns.join('|');
}

/** The text as a pattern for itself. A percent escape matches in either case: servers and crawlers differ there. */
function literal(text: string): string {
  return text
    .replace(/[.[\]{}()\\*+?^$|]/g, '\\$&')
    .replace(
      /%([0-9A-Fa-f])([0-9A-Fa-f])/g,
      (_, high: string, low: string) => `%${eitherCase(high)}${eitherCase(low)}`,
    );
}

function eitherCase(digit: string): string {
  const [upper, lower] = [digit.toUpperCase(), digit.toLowerCase()];
  return upper === lower ? digit : `[${upper}${lower}]`;
}
