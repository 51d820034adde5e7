/** A crawl of a site that the test makes up, in this process, and what it left. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scopeOf, scopePattern } from '../../../src/core/crawler/scope.ts';
import { Archive } from '../../../src/programs/crawler/warc-archive.ts';
import type { CrawlEnd, UrlCounts } from '../../../src/core/crawler/crawl-report.ts';
import type { CrawlSettings } from '../../../src/programs/crawler/crawl-settings.ts';
import { Crawl } from '../../../src/programs/crawler/crawl.ts';
import { Exchanger } from '../../../src/programs/crawler/exchange.ts';
import { Frontier } from '../../../src/programs/crawler/frontier.ts';
import { readWarcs, type StrictRecord } from './strict-warc.ts';

export type Page = string | ((request: IncomingMessage, response: ServerResponse, count: number) => void);

export class OddSite {
  readonly hits: string[] = [];
  readonly #pages: Readonly<Record<string, Page>>;
  #server = createServer();
  #port = 0;

  constructor(pages: Readonly<Record<string, Page>>) {
    this.#pages = pages;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  async start(): Promise<this> {
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** It is away, at once and for everybody. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** How often it was asked for it. */
  count(path: string): number {
    return this.hits.filter((hit) => hit === path).length;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.hits.push(path);
    const page = this.#pages[path];
    if (typeof page === 'function') page(request, response, this.count(path));
    else if (page !== undefined)
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
    else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here');
  }
}

export interface Crawled {
  readonly end: CrawlEnd;
  readonly counts: UrlCounts;
  /** Of all attempts. */
  readonly records: readonly StrictRecord[];
  readonly said: readonly string[];
  readonly failed: readonly { readonly url: string; readonly because: string | null }[];
  readonly barred: readonly { readonly url: string; readonly because: string | null }[];
}

/** Paths of answers, in the order of the archive: `200 /x`. */
export const answers = ({ records }: Crawled): string[] =>
  records
    .filter(({ type }) => type === 'response' || type === 'revisit')
    .map(({ status, url }) => `${status} ${new URL(url ?? '').pathname}${new URL(url ?? '').search}`)
    .filter((answer) => !answer.endsWith('/robots.txt'));

const impatient = { connectMs: 2000, silenceMs: 1000, answerMs: 3000, answerBytes: 3_000_000 };

/** A job of which attempts can be made, one after another. */
export class CrawlJob {
  readonly folder: string;
  readonly #settings: CrawlSettings;
  #attempts = 0;

  constructor(seeds: readonly string[], more: Partial<CrawlSettings> = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'crawl-job-'));
    for (const name of ['warcs', 'scratch']) mkdirSync(join(this.folder, name));
    this.#settings = {
      seeds,
      scope: {
        pattern: new RegExp(scopePattern(scopeOf(seeds))),
        hosts: new Set(seeds.map((seed) => new URL(seed).host)),
        requisitesFromOtherHosts: true,
      },
      waitSeconds: 0,
      userAgent: 'Mozilla/5.0 (compatible; HealthArchive/test)',
      agent: 'HealthArchive',
      outagePatienceMs: 10_000,
      retryPausesMs: [20, 40, 80],
      ...more,
    };
  }

  /** One attempt, to its end or until `stop`. */
  async attempt(stop = new AbortController().signal): Promise<Crawled> {
    this.#attempts += 1;
    const frontier = new Frontier(join(this.folder, 'frontier.db'));
    const folder = join(this.folder, 'warcs');
    const archive = new Archive({
      folder,
      attempt: `1-${String(this.#attempts).padStart(3, '0')}`,
      fileBytes: 1_000_000,
      info: { software: 'HealthArchive/test' },
    });
    const said: string[] = [];
    try {
      const exchanger = new Exchanger(join(this.folder, 'scratch'), impatient);
      const say = (line: string): void => void said.push(line);
      const end = await new Crawl(this.#settings, { frontier, archive, exchanger, say }).run(stop);
      archive.sync();
      return {
        end,
        counts: { ...frontier.counts },
        records: readWarcs(folder),
        said,
        failed: frontier.list('failed', 100),
        barred: frontier.list('barred', 100),
      };
    } finally {
      archive.close(join(this.folder, 'scratch'));
      frontier.close();
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** All of a site, by one attempt. */
export async function crawlSite(
  pages: Readonly<Record<string, Page>>,
  { seeds = ['/'], ...more }: Partial<Omit<CrawlSettings, 'seeds'>> & { seeds?: readonly string[] } = {},
): Promise<Crawled & { readonly site: OddSite }> {
  const site = await new OddSite(pages).start();
  const job = new CrawlJob(
    seeds.map((seed) => new URL(seed, site.url).href),
    more,
  );
  try {
    return { ...(await job.attempt()), site };
  } finally {
    await site.stop();
    job.remove();
  }
}
