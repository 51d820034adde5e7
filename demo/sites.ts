/** The three public bodies of the demo, each with a small real web site on a loopback address of its own. */
import { startSite, type Site } from '../lab/site.ts';

export interface Body {
  readonly code: string;
  readonly name: string;
  readonly address: string;
  readonly pages: number;
}

export interface BodySite extends Body {
  readonly site: Site;
  /** URLs that a complete crawl archives: every page and file that robots.txt does not forbid. */
  readonly expected: readonly string[];
  /** URLs that it must leave alone. */
  readonly forbidden: readonly string[];
}

export const BODIES: readonly Body[] = [
  { code: 'hc', name: 'Health Canada', address: '127.0.0.1', pages: 180 },
  { code: 'phac', name: 'Public Health Agency', address: '127.0.0.2', pages: 130 },
  { code: 'cihr', name: 'Health Research', address: '127.0.0.3', pages: 90 },
];

/** How long each page takes to answer: a crawl is slow enough to be watched. */
export const PAGE_DELAY_MS = 90;
const PORT_TRIES = 20;

/**
 * All three on one port: each has a redirect to the host name `localhost` on its own port, which is the first site
 * for all of them, as on the web, where bodies link to each other.
 */
export async function startSites(): Promise<BodySite[]> {
  for (let tries = 1; ; tries += 1) {
    const sites: Site[] = [];
    try {
      for (const { pages, address } of BODIES) {
        const port = sites[0]?.port ?? 0;
        sites.push(await startSite({ pages, address, port, delayMs: PAGE_DELAY_MS }));
      }
      return BODIES.flatMap((body, index) => {
        const site = sites[index];
        return site === undefined ? [] : [{ ...body, site, ...contentOf(site) }];
      });
    } catch (error) {
      await Promise.all(sites.map((site) => site.close()));
      // Somebody else may have the port on one of the other addresses.
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || tries === PORT_TRIES) throw error;
    }
  }
}

/** What that page on another host is made of. */
const partnerParts = ['/assets/site.css', '/assets/images/figure-00.png', '/assets/images/figure-03.png'];

/** What a complete crawl archives of it, and what not. */
export function contentOf(
  site: Pick<Site, 'url' | 'port' | 'paths'>,
): Pick<BodySite, 'expected' | 'forbidden'> {
  const origin = site.url.slice(0, -1);
  const linked = site.paths.filter(({ path }) => path !== '/robots.txt');
  const partner = `http://localhost:${site.port}`;
  const isForbidden = (path: string): boolean => path.startsWith('/en/internal/');
  return {
    expected: [
      ...linked
        .filter(({ kind, path }) => (kind === 'page' || kind === 'file') && !isForbidden(path))
        // This page is reached by a redirect to another host name only.
        .map(({ url, path }) => (path.startsWith('/partner/') ? url.replace(origin, partner) : url)),
      ...partnerParts.map((path) => partner + path),
    ],
    forbidden: linked.filter(({ path }) => isForbidden(path)).map(({ url }) => url),
  };
}
