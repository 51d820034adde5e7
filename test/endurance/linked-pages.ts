import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Many small sites on one server, `/0/`, `/1/` and so on, that notice when two crawlers are in one at a time. */
export interface LinkedPages {
  seed(site: number): string;
  /** Sites in which two requests were ever under way at once: a crawler of ours makes one at a time. */
  readonly crawledTwiceAtOnce: ReadonlySet<string>;
  /** Answered requests of a site, by path. */
  hits(site: number): ReadonlyMap<string, number>;
  close(): void;
}

export async function startLinkedPages(pages: number, delayMs: number): Promise<LinkedPages> {
  const underWay = new Map<string, number>();
  const crawledTwiceAtOnce = new Set<string>();
  const hits = new Map<string, Map<string, number>>();
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const site = path.split('/')[1] ?? '';
    if (path === '/robots.txt') {
      response.writeHead(404).end();
      return;
    }
    const now = (underWay.get(site) ?? 0) + 1;
    underWay.set(site, now);
    if (now > 1) crawledTwiceAtOnce.add(site);
    void sleep(delayMs).then(() => {
      underWay.set(site, (underWay.get(site) ?? 1) - 1);
      const ofSite = hits.get(site) ?? new Map<string, number>();
      hits.set(site, ofSite.set(path, (ofSite.get(path) ?? 0) + 1));
      response.setHeader('content-type', 'text/html');
      response.end(pageOf(site, pages));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    seed: (site) => `http://127.0.0.1:${port}/${site}/`,
    crawledTwiceAtOnce,
    hits: (site) => hits.get(String(site)) ?? new Map<string, number>(),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function pageOf(site: string, pages: number): string {
  const links = Array.from({ length: pages }, (_, page) => `<a href="/${site}/${page}.html">${page}</a>`);
  return `<!doctype html><title>Site ${site}</title>${links.join('\n')}`;
}
