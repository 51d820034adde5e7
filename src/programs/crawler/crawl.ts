/** One attempt at a job's crawl: takes addresses from the frontier, asks, keeps, and tells the frontier; until none is left. */
import type { CookieJar } from 'tough-cookie';
import type { CrawlEnd } from '../../core/crawler/crawl-report.ts';
import { crawlUrl } from '../../core/crawler/crawl-url.ts';
import { fieldValues, ResponseError, type ResponseHead } from './http-response.ts';
import { retryAfterMs } from '../../core/crawler/patience.ts';
import type { Archive } from './warc-archive.ts';
import { CommitPace } from './commit-pace.ts';
import type { CrawlSettings } from './crawl-settings.ts';
import { NetworkError } from './connection.ts';
import type { Exchange, Exchanger } from './exchange.ts';
import type { Claimed, Frontier, Payload, UrlEnd } from './frontier.ts';
import { linksOfAnswer } from './answer-links.ts';
import { Manners } from './manners.ts';
import { pause, SourceReach, type Verdict } from './source-reach.ts';

/** At most so much is held back for it. */
const commitCount = 500;
/** The server is at fault, and may be well again soon; an answer all the same when it stays so. */
const transient: ReadonlySet<number> = new Set([408, 425, 500, 502, 504]);
/** A server that says "later" again and again. */
const mostBusyTries = 20;
/** Empty and tiny bodies are not worth a reference. */
const smallestRevisitBytes = 64;

/** Of this attempt. */
export interface CrawlTally {
  /** Answers of status 2xx, and of 4xx and 5xx. */
  readonly pages: number;
  readonly errorPages: number;
  /** Of `pages`: known already, so that only a reference was kept. */
  readonly revisits: number;
  /** Addresses that have come to their end, whichever. */
  readonly finished: number;
}

/** Why an address is barred, and what is remarked of an answer. */
const barredByRobots = 'robots.txt';
export const nofollow = 'nofollow';
export const cut = 'cut by';

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
  /** Made for the first cookie: most sites set none, and its list of public suffixes is the slowest part of a start. */
  #jar: CookieJar | null = null;
  readonly #say: (line: string) => void;
  #pending: Pending[] = [];
  #payloads = new Map<string, Payload>();
  readonly #pace = new CommitPace();
  readonly #source = new SourceReach((stop) => this.#isSourceThere(stop));
  readonly #tally = { pages: 0, errorPages: 0, revisits: 0, finished: 0 };
  #isWaiting = false;
  #currentUrl: string | null = null;

  constructor(
    settings: CrawlSettings,
    parts: {
      readonly frontier: Frontier;
      readonly archive: Archive;
      readonly exchanger: Exchanger;
      readonly say: (line: string) => void;
    },
  ) {
    this.#settings = settings;
    this.#frontier = parts.frontier;
    this.#archive = parts.archive;
    this.#exchanger = parts.exchanger;
    this.#say = parts.say;
    this.#manners = new Manners(settings.waitSeconds, settings.agent);
  }

  /** Of this attempt so far. */
  get tally(): CrawlTally {
    return { ...this.#tally };
  }

  /** The address that was asked for last. */
  get currentUrl(): string | null {
    return this.#currentUrl;
  }

  /** On purpose: for a source that is away, or for a server that asked for it. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** @throws what storage, the local disk or the frontier answers: nothing that was committed is lost by that */
  async run(stop: AbortSignal): Promise<CrawlEnd> {
    this.#frontier.reopen(barredByRobots, this.#settings.seeds);
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
      if (this.#source.isPaused) {
        if (this.#source.isGivenUp(this.#settings.outagePatienceMs)) {
          this.#commit();
          return {
            kind: 'source_unreachable',
            because: `it has not answered for ${Math.round(this.#settings.outagePatienceMs / 1000)} s`,
          };
        }
        if (await this.#waiting(this.#source.probe(stop)))
          this.#say('the source answers again; the crawl goes on');
        continue;
      }
      this.#commitIfDue();
      const claimed = this.#frontier.claim(Date.now());
      if (claimed !== null) {
        await this.#visit(claimed, stop);
        continue;
      }
      if (this.#source.hasSuspects) {
        this.#judged(await this.#source.judge(stop));
        continue;
      }
      if (this.#pending.length > 0) {
        this.#commit();
        continue;
      }
      const nextMs = this.#frontier.nextMs();
      if (nextMs === null) return { kind: 'complete' };
      await this.#waiting(pause(Math.min(Math.max(nextMs - Date.now(), 1), 1000), stop));
    }
    this.#commit();
    return { kind: 'stopped' };
  }

  async #waiting<T>(wait: Promise<T>): Promise<T> {
    this.#isWaiting = true;
    try {
      return await wait;
    } finally {
      this.#isWaiting = false;
    }
  }

  async #visit(claimed: Claimed, stop: AbortSignal): Promise<void> {
    const { origin } = new URL(claimed.url);
    try {
      const robots = await this.#manners.robots(origin, (url) => this.#keepRobots(url, stop));
      if (robots === null) {
        await this.#unreachable(claimed, 'its robots.txt can’t be had now', stop);
        return;
      }
      if (!robots.isAllowed(claimed.url)) {
        this.#ended(claimed, { kind: 'barred', because: barredByRobots });
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
      // That we were stopped says nothing of the address. What storage answers counts all the same.
      if (error instanceof NetworkError) {
        if (!stop.aborted) await this.#unreachable(claimed, error.message, stop);
      } else if (error instanceof ResponseError) this.#triedInVain(claimed, error.message);
      else throw error;
    }
  }

  async #keepCookie(cookie: string, url: string): Promise<void> {
    if (this.#jar === null) {
      const { CookieJar } = await import('tough-cookie');
      this.#jar ??= new CookieJar(undefined, { looseMode: true, rejectPublicSuffixes: false });
    }
    await this.#jar.setCookie(cookie, url, { ignoreError: true });
  }

  async #ask(url: string, stop: AbortSignal): Promise<Exchange> {
    const { origin } = new URL(url);
    if (this.#pending.length > 0 && this.#pace.fitsInto(this.#manners.leftMs(origin))) this.#commit();
    await this.#waiting(pause(this.#manners.leftMs(origin), stop));
    if (stop.aborted) throw new NetworkError('send', 'ECANCELED');
    const cookies = (await this.#jar?.getCookieString(url)) ?? '';
    const fields = [
      ['User-Agent', this.#settings.userAgent],
      ['Accept', '*/*'],
      ['Accept-Encoding', 'gzip'],
      ...(cookies === '' ? [] : ([['Cookie', cookies]] as const)),
    ] as const;
    try {
      this.#currentUrl = url;
      const askedMs = performance.now();
      const answer = this.#exchanger.get(url, fields, stop);
      // Should the commit fail, nobody waits for it any more.
      answer.catch(() => undefined);
      if (this.#pending.length > 0 && this.#pace.fitsIntoAnswer) this.#commit();
      const exchange = await answer;
      this.#pace.answered(askedMs, performance.now());
      this.#manners.asked(origin, exchange.head.status);
      for (const suspect of this.#source.answered()) this.#triedInVain(suspect.claimed, suspect.because);
      for (const cookie of fieldValues(exchange.head, 'set-cookie')) await this.#keepCookie(cookie, url);
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
    const pauseMs = transient.has(status) ? this.#settings.retryPausesMs[claimed.tries] : undefined;
    if (pauseMs !== undefined) {
      this.#ended(claimed, later(`the server answers ${status}`, pauseMs, true));
      return;
    }
    const kept = await this.#keep(exchange);
    const { links, leadsTo, isNofollow } = await linksOfAnswer(claimed, exchange, this.#settings.scope);
    const remark = typeof end === 'object' ? `${cut} ${end.cut}` : isNofollow ? nofollow : null;
    this.#say(
      `${exchange.date} ${status} ${exchange.body.length} ${claimed.url}${remark === null ? '' : ` (${remark})`}`,
    );
    if (status >= 200 && status < 300) this.#tally.pages += 1;
    if (status >= 400) this.#tally.errorPages += 1;
    this.#ended(claimed, { kind: 'answered', status, links, leadsTo, remark, ...kept });
  }

  async #keep(exchange: Exchange): Promise<{ readonly file: string; readonly payloadFile: string }> {
    const { url, date, body, head, end } = exchange;
    const { digest } = body.block;
    const isWorthIt =
      body.length >= smallestRevisitBytes && head.status >= 200 && head.status < 300 && end === 'complete';
    const earlier = isWorthIt ? (this.#payloads.get(digest) ?? this.#frontier.payload(digest)) : null;
    const file = await this.#archive.keep(exchange, earlier);
    if (isWorthIt && earlier === null) this.#payloads.set(digest, { digest, url, date, file });
    if (earlier !== null) this.#tally.revisits += 1;
    return { file, payloadFile: earlier?.file ?? file };
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

  async #unreachable(claimed: Claimed, because: string, stop: AbortSignal): Promise<void> {
    this.#say(`can’t be reached: ${claimed.url}: ${because}`);
    const verdict = await this.#source.unreachable({ claimed, because }, stop);
    if (verdict !== null) this.#judged(verdict);
  }

  #judged({ fault, suspects }: Verdict): void {
    if (fault === 'address') {
      for (const { claimed, because } of suspects) this.#triedInVain(claimed, because);
      return;
    }
    for (const { claimed, because } of suspects) this.#ended(claimed, later(because, 0, false));
    this.#commit();
    this.#say('the source can’t be reached; the crawl pauses');
  }

  /** Any of its servers, by what each of them lets anybody ask for. One that can't even say what is allowed is not there. */
  async #isSourceThere(stop: AbortSignal): Promise<boolean> {
    for (const origin of new Set(this.#settings.seeds.map((seed) => new URL(seed).origin))) {
      try {
        const fields = [['User-Agent', this.#settings.userAgent]] as const;
        const { head, raw, body } = await this.#exchanger.get(`${origin}/robots.txt`, fields, stop);
        raw.close();
        body.close();
        if (head.status >= 500) continue;
        this.#manners.forgetRobots(origin);
        return true;
      } catch (error) {
        if (error instanceof ResponseError) return true;
        if (!(error instanceof NetworkError)) throw error;
      }
    }
    return false;
  }

  #ended(claimed: Claimed, end: UrlEnd): void {
    this.#pending.push({ claimed, end });
    if (end.kind !== 'later') this.#tally.finished += 1;
  }

  #commitIfDue(): void {
    if (this.#pending.length === 0) return;
    if (this.#pace.isDue(performance.now()) || this.#pending.length >= commitCount) this.#commit();
  }

  /** First the records, then that they are there: never the other way round. */
  #commit(): void {
    const beganMs = performance.now();
    const files = this.#archive.sync();
    this.#frontier.commit(
      this.#pending.map(({ claimed: { id }, end }) => ({ id, end })),
      [...this.#payloads.values()],
      files,
    );
    this.#pending = [];
    this.#payloads.clear();
    this.#pace.committed(beganMs, performance.now());
  }
}

function later(because: string, ms: number, isTry: boolean): UrlEnd {
  return { kind: 'later', because, atMs: Date.now() + ms, isTry };
}
