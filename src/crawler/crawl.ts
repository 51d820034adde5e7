/** One attempt at a job's crawl: takes addresses from the frontier, asks, keeps, and tells the frontier; until none is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CookieJar } from 'tough-cookie';
import type { CrawlEnd } from '../core/crawler/crawl-spec.ts';
import { crawlUrl } from '../core/crawler/crawl-url.ts';
import { fieldValues, ResponseError, type ResponseHead } from './http-response.ts';
import type { CrawlScope } from '../core/crawler/judge-link.ts';
import {
  afterAnswer,
  afterUnreachable,
  isGivenUp,
  noOutage,
  paused,
  type Outage,
} from '../core/crawler/outage.ts';
import { retryAfterMs } from '../core/crawler/retry-after.ts';
import type { Archive } from './archive.ts';
import { NetworkError } from './connection.ts';
import type { Exchange, Exchanger } from './exchange.ts';
import type { Claimed, Frontier, Payload, UrlEnd } from './frontier.ts';
import { linksOfAnswer } from './answer-links.ts';
import { Manners } from './manners.ts';

export interface CrawlSettings {
  readonly seeds: readonly string[];
  readonly scope: CrawlScope;
  readonly waitSeconds: number;
  /** The value of `User-Agent`. */
  readonly userAgent: string;
  /** Our name in robots.txt. */
  readonly agent: string;
  /** How long a source that can't be reached is waited for. */
  readonly outagePatienceMs: number;
  /** Before an address that could not be had is asked for again; after the last one it has failed. */
  readonly retryPausesMs: readonly number[];
}

/** What was kept is made sure of at least so often: at most so much is asked for twice after whatever interrupts it. */
const commitMs = 1000;
const commitCount = 500;
/** A server that says "later" again and again. */
const mostBusyTries = 20;
/** Empty and tiny bodies are not worth a reference. */
const smallestRevisitBytes = 64;

interface Pending {
  readonly claimed: Claimed;
  readonly end: UrlEnd;
}

export class Crawl {
  readonly #settings: CrawlSettings;
  readonly #frontier: Frontier;
  readonly #archive: Archive;
  readonly #exchanger: Exchanger;
  readonly #manners: Manners;
  readonly #jar = new CookieJar(undefined, { looseMode: true, rejectPublicSuffixes: false });
  readonly #say: (line: string) => void;
  readonly #onFinished: (url: string) => void;
  #pending: Pending[] = [];
  #payloads = new Map<string, Payload>();
  #committedMs = performance.now();
  #outage: Outage = noOutage;
  /** Could not be reached, and it is not known yet whose fault that is. */
  #suspects: { readonly claimed: Claimed; readonly because: string }[] = [];

  constructor(
    settings: CrawlSettings,
    parts: {
      readonly frontier: Frontier;
      readonly archive: Archive;
      readonly exchanger: Exchanger;
      readonly say: (line: string) => void;
      /** An address has come to an end, whichever. */
      readonly onFinished?: (url: string) => void;
    },
  ) {
    this.#settings = settings;
    this.#frontier = parts.frontier;
    this.#archive = parts.archive;
    this.#exchanger = parts.exchanger;
    this.#say = parts.say;
    this.#onFinished = parts.onFinished ?? (() => undefined);
    this.#manners = new Manners(settings.waitSeconds, settings.agent);
  }

  /** @throws what storage, the local disk or the frontier answers: nothing that was committed is lost by that */
  async run(stop: AbortSignal): Promise<CrawlEnd> {
    this.#frontier.add(
      this.#settings.seeds.flatMap((seed) => {
        const url = crawlUrl(seed);
        return url === null ? [] : [{ url, kind: 'page', barredBecause: null, isRedirect: false } as const];
      }),
    );
    try {
      return await this.#untilEnd(stop);
    } finally {
      this.#exchanger.close();
    }
  }

  async #untilEnd(stop: AbortSignal): Promise<CrawlEnd> {
    while (!stop.aborted) {
      if (this.#outage.kind === 'paused') {
        if (isGivenUp(this.#outage, this.#settings.outagePatienceMs, performance.now())) {
          this.#commit();
          return {
            kind: 'source_unreachable',
            because: `it has not answered for ${Math.round(this.#settings.outagePatienceMs / 1000)} s`,
          };
        }
        await this.#probe(stop);
        continue;
      }
      this.#commitIfDue();
      const claimed = this.#frontier.claim(Date.now());
      if (claimed !== null) {
        await this.#visit(claimed, stop);
        continue;
      }
      if (this.#suspects.length > 0) {
        await this.#judgeSuspects();
        continue;
      }
      if (this.#pending.length > 0) {
        this.#commit();
        continue;
      }
      const nextMs = this.#frontier.nextMs();
      if (nextMs === null) return { kind: 'complete' };
      await pause(Math.min(Math.max(nextMs - Date.now(), 1), 1000), stop);
    }
    this.#commit();
    return { kind: 'stopped' };
  }

  async #visit(claimed: Claimed, stop: AbortSignal): Promise<void> {
    const { origin } = new URL(claimed.url);
    try {
      const robots = await this.#manners.robots(origin, (url) => this.#keepRobots(url, stop));
      if (robots === null) {
        this.#ended(claimed, later('robots.txt can’t be had now', 60_000, false));
        return;
      }
      if (!robots.isAllowed(claimed.url)) {
        this.#ended(claimed, { kind: 'barred', because: 'robots.txt' });
        return;
      }
      const exchange = await this.#ask(claimed.url, stop);
      try {
        await this.#answered(claimed, exchange);
      } finally {
        exchange.raw.close();
        exchange.body.close();
      }
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof NetworkError) await this.#unreachable(claimed, error.message);
      else if (error instanceof ResponseError) this.#triedInVain(claimed, error.message);
      else throw error;
    }
  }

  async #ask(url: string, stop: AbortSignal): Promise<Exchange> {
    const { origin } = new URL(url);
    // Nothing waits with it to be made sure of.
    if (this.#manners.leftMs(origin) > commitMs / 2 && this.#pending.length > 0) this.#commit();
    await this.#manners.wait(origin, stop);
    const cookies = await this.#jar.getCookieString(url);
    const fields = [
      ['User-Agent', this.#settings.userAgent],
      ['Accept', '*/*'],
      ['Accept-Encoding', 'gzip'],
      ...(cookies === '' ? [] : ([['Cookie', cookies]] as const)),
    ] as const;
    try {
      const exchange = await this.#exchanger.get(url, fields, stop);
      this.#manners.asked(origin, exchange.head.status);
      this.#reached();
      for (const cookie of fieldValues(exchange.head, 'set-cookie'))
        await this.#jar.setCookie(cookie, url, { ignoreError: true });
      return exchange;
    } catch (error) {
      this.#manners.asked(origin, null);
      throw error;
    }
  }

  /** robots.txt belongs to the archive as well. */
  async #keepRobots(url: string, stop: AbortSignal): Promise<Exchange> {
    const exchange = await this.#ask(url, stop);
    if (exchange.end !== 'incomplete') await this.#archive.keep(exchange, null);
    return exchange;
  }

  async #answered(claimed: Claimed, exchange: Exchange): Promise<void> {
    const { head, end } = exchange;
    const { status } = head;
    if (end === 'incomplete') {
      this.#triedInVain(claimed, 'the answer was not complete');
      return;
    }
    if (status === 429 || status === 503) {
      this.#busy(claimed, head);
      return;
    }
    const date = await this.#keep(exchange);
    const { links, isNofollow } = await linksOfAnswer(claimed, exchange, this.#settings.scope);
    if (isNofollow) this.#say(`asks not to be followed: ${claimed.url}`);
    if (typeof end === 'object') this.#say(`cut by ${end.cut}: ${claimed.url}`);
    this.#say(`${date} ${status} ${exchange.body.length} ${claimed.url}`);
    this.#ended(claimed, { kind: 'answered', status, links });
  }

  async #keep(exchange: Exchange): Promise<string> {
    const { url, date, body, head, end } = exchange;
    const { digest } = body.block;
    const isWorthIt =
      body.length >= smallestRevisitBytes && head.status >= 200 && head.status < 300 && end === 'complete';
    const earlier = isWorthIt ? (this.#payloads.get(digest) ?? this.#frontier.payload(digest)) : null;
    await this.#archive.keep(exchange, earlier);
    if (isWorthIt && earlier === null) this.#payloads.set(digest, { digest, url, date });
    return date;
  }

  #busy(claimed: Claimed, head: ResponseHead): void {
    const because = `the server answers ${head.status}`;
    const askedMs = retryAfterMs(fieldValues(head, 'retry-after')[0], Date.now());
    if (askedMs !== null) this.#manners.rest(new URL(claimed.url).origin, askedMs);
    if (claimed.tries + 1 >= mostBusyTries) this.#ended(claimed, { kind: 'failed', because });
    else this.#ended(claimed, later(because, askedMs ?? 0, true));
  }

  #triedInVain(claimed: Claimed, because: string): void {
    const pauseMs = this.#settings.retryPausesMs[claimed.tries] ?? null;
    this.#say(`not archived: ${claimed.url}: ${because}`);
    this.#ended(claimed, pauseMs === null ? { kind: 'failed', because } : later(because, pauseMs, true));
  }

  async #unreachable(claimed: Claimed, because: string): Promise<void> {
    this.#suspects.push({ claimed, because });
    this.#say(`can’t be reached: ${claimed.url}: ${because}`);
    const outage = afterUnreachable(this.#outage, performance.now());
    if (outage.kind === 'none') this.#outage = outage;
    else await this.#judgeSuspects();
  }

  /** Asks the seed: does it answer, it is the addresses; does it not, it is the way, and no address has been tried in vain. */
  async #judgeSuspects(): Promise<void> {
    if (await this.#isSourceThere()) {
      this.#reached();
      return;
    }
    for (const { claimed, because } of this.#suspects) this.#ended(claimed, later(because, 0, false));
    this.#suspects = [];
    this.#commit();
    this.#say('the source can’t be reached; the crawl pauses');
    this.#outage = paused(performance.now());
  }

  /** Whatever could not be reached before this answer is at fault itself. */
  #reached(): void {
    for (const { claimed, because } of this.#suspects) this.#triedInVain(claimed, because);
    this.#suspects = [];
    this.#outage = afterAnswer();
  }

  async #probe(stop: AbortSignal): Promise<void> {
    if (this.#outage.kind !== 'paused') return;
    await pause(this.#outage.nextMs - performance.now(), stop);
    if (stop.aborted) return;
    if (await this.#isSourceThere()) {
      this.#say('the source answers again; the crawl goes on');
      this.#reached();
    } else this.#outage = afterUnreachable(this.#outage, performance.now());
  }

  async #isSourceThere(): Promise<boolean> {
    const [seed = ''] = this.#settings.seeds;
    try {
      const { raw, body } = await this.#exchanger.get(seed, [['User-Agent', this.#settings.userAgent]]);
      raw.close();
      body.close();
      return true;
    } catch (error) {
      if (error instanceof NetworkError) return false;
      return error instanceof ResponseError;
    }
  }

  #ended(claimed: Claimed, end: UrlEnd): void {
    this.#pending.push({ claimed, end });
    if (end.kind !== 'later') this.#onFinished(claimed.url);
  }

  #commitIfDue(): void {
    const isDue = performance.now() - this.#committedMs >= commitMs || this.#pending.length >= commitCount;
    if (isDue && this.#pending.length > 0) this.#commit();
  }

  /** First the records, then that they are there: never the other way round. */
  #commit(): void {
    this.#archive.sync();
    this.#frontier.commit(
      this.#pending.map(({ claimed: { id }, end }) => ({ id, end })),
      [...this.#payloads.values()],
    );
    this.#pending = [];
    this.#payloads.clear();
    this.#committedMs = performance.now();
  }
}

function later(because: string, ms: number, isTry: boolean): UrlEnd {
  return { kind: 'later', because, atMs: Date.now() + ms, isTry };
}

/** A stop ends it at once; what waits for it looks. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await sleep(Math.max(ms, 0), undefined, { signal: stop });
  } catch {
    // stopped
  }
}
