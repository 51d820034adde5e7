/**
 * A small real web site on loopback, for the demo and for every test that needs something to crawl.
 *
 * In a program: `const site = await startSite({pages: 300, delayMs: 20})`.
 * From a shell:  `node lab/site.ts --pages 300 --delay-ms 20 --port 8080`; prints one line of JSON with the
 * URL and serves until TERM, INT or (with `--until-stdin-ends`) the end of its input; with `--log` also a line for each request.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { siteContent, type Resource } from './site/content.ts';

export interface SiteOptions {
  /** Numbered pages in all, half of them under en/, half under fr/. */
  readonly pages: number;
  /** Pause before each HTML page is answered: one crawler then needs about pages × delayMs. Default 0. */
  readonly delayMs?: number;
  /** How long en/slow.html takes in all. Default 1500. */
  readonly slowMs?: number;
  /** Default: any free port. */
  readonly port?: number;
  /** A loopback address. Default 127.0.0.1; 127.0.0.2 and so on work too, as further host names. */
  readonly address?: string;
  /** Called for every answered request. */
  readonly onHit?: (hit: SiteHit) => void;
  /** Where the site begins, e.g. '/hc'. Default: at '/'. robots.txt is always at the top. */
  readonly basePath?: string;
}

export interface SiteHit {
  readonly method: string;
  /** Decoded path and query. */
  readonly path: string;
  /** The Host header, which tells the site's own name from the redirect to another one. */
  readonly host: string;
  readonly status: number;
}

export interface SitePath {
  /** Decoded path and query. */
  readonly path: string;
  readonly url: string;
  readonly kind: Resource['kind'];
}

export interface Site {
  /** The top of the site, ending in a slash; its subtrees are `${url}en/` and `${url}fr/`. */
  readonly url: string;
  readonly port: number;
  /** Everything there is to find (the 404 is of kind 'gone'), so that a crawl can be held against it. */
  readonly paths: readonly SitePath[];
  /** Every answered request, in order of its answer. */
  readonly hits: readonly SiteHit[];
  /** Ends at once, open connections included. */
  close(): Promise<void>;
}

/** Constant, so that two crawls of the same site see the same bytes. */
const LAST_MODIFIED = 'Mon, 06 Jan 2025 12:00:00 GMT';
const SLOW_PIECES = 5;

export async function startSite(options: SiteOptions): Promise<Site> {
  const basePath = (options.basePath ?? '').replace(/\/+$/, '');
  const address = options.address ?? '127.0.0.1';
  const timing = { delayMs: options.delayMs ?? 0, slowMs: options.slowMs ?? 1500 };
  const content = siteContent({ pages: options.pages, basePath });
  const hits: SiteHit[] = [];

  const server = createServer((request, response) => {
    const path = decodedPath(request.url ?? '/');
    response.once('close', () => {
      const host = request.headers.host ?? '';
      const hit = { method: request.method ?? '', path, host, status: response.statusCode };
      hits.push(hit);
      options.onHit?.(hit);
    });
    answer(request, response, content.get(path), timing).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, address, resolve);
  });

  const { port } = server.address() as AddressInfo;
  const origin = `http://${address}:${port}`;
  return {
    url: `${origin}${basePath}/`,
    port,
    paths: pathsOf(content, origin),
    hits,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
    },
  };
}

/** What there is to find on a site that is served elsewhere with these options. */
export function sitePaths(options: Required<Pick<SiteOptions, 'pages' | 'address' | 'port'>>): SitePath[] {
  const { pages, address, port } = options;
  return pathsOf(siteContent({ pages, basePath: '' }), `http://${address}:${port}`);
}

function pathsOf(content: ReadonlyMap<string, Resource>, origin: string): SitePath[] {
  return [...content].map(([path, { kind }]) => ({ path, url: origin + encodeURI(path), kind }));
}

function decodedPath(url: string): string {
  try {
    return decodeURI(url);
  } catch {
    return url;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  resource: Resource | undefined,
  { delayMs, slowMs }: { delayMs: number; slowMs: number },
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'text/plain', 'only GET and HEAD\n');
    return;
  }
  if (resource === undefined || resource.kind === 'gone') {
    send(response, 404, 'text/html; charset=utf-8', '<!doctype html><title>Not found</title><p>Not found.\n');
    return;
  }
  switch (resource.kind) {
    case 'redirect': {
      const port = request.socket.localPort ?? 80;
      const origin = resource.host === undefined ? '' : `http://${resource.host}:${port}`;
      response.setHeader('location', origin + encodeURI(resource.path));
      send(response, resource.status, 'text/plain', 'moved\n');
      return;
    }
    case 'file':
      send(response, 200, resource.contentType, resource.bytes());
      return;
    case 'page':
      await sleep(delayMs);
      if (resource.slow) await sendSlowly(response, resource.html(), slowMs);
      else send(response, 200, 'text/html; charset=utf-8', resource.html());
      return;
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: Buffer | string): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'last-modified': LAST_MODIFIED,
  });
  response.end(body);
}

/** The body comes in pieces, as from a server under load, so that the connection is open but idle. */
async function sendSlowly(response: ServerResponse, html: string, slowMs: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'last-modified': LAST_MODIFIED });
  const length = Math.ceil(html.length / SLOW_PIECES);
  for (let start = 0; start < html.length; start += length) {
    await sleep(slowMs / SLOW_PIECES);
    if (response.destroyed) return;
    response.write(html.slice(start, start + length));
  }
  response.end();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      pages: { type: 'string', default: '300' },
      'delay-ms': { type: 'string', default: '0' },
      'slow-ms': { type: 'string', default: '1500' },
      port: { type: 'string', default: '0' },
      address: { type: 'string', default: '127.0.0.1' },
      'base-path': { type: 'string', default: '' },
      'until-stdin-ends': { type: 'boolean', default: false },
      log: { type: 'boolean', default: false },
    },
  });
  const site = await startSite({
    pages: Number(values.pages),
    delayMs: Number(values['delay-ms']),
    slowMs: Number(values['slow-ms']),
    port: Number(values.port),
    address: values.address,
    basePath: values['base-path'],
    onHit: ({ host, path }) => {
      if (values.log) console.log(`hit ${host}${path}`);
    },
  });
  const stop = (): void => void site.close();
  process.once('SIGTERM', stop).once('SIGINT', stop);
  if (values['until-stdin-ends']) process.stdin.once('end', stop).resume();
  console.log(JSON.stringify({ url: site.url, paths: site.paths.length }));
}

if (import.meta.main) await main();
