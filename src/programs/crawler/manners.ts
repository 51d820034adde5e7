/** How we behave towards servers: one request at a time, with pauses, and only what robots.txt allows. */
import * as robotsModule from 'robots-parser';
import { recovered, slowedDown } from '../../core/crawler/patience.ts';
import { pageText } from './page-text.ts';
import type { Exchange } from './exchange.ts';

interface Host {
  pauseMs: number;
  /** By the clock of `performance.now`. */
  nextMs: number;
}

/** How long a robots.txt holds (RFC 9309, 2.4), and how soon one that could not be had is asked for again. */
const holdsMs = 24 * 3_600_000;
const againMs = 60_000;

export class Manners {
  readonly #waitMs: number;
  readonly #agent: string;
  readonly #hosts = new Map<string, Host>();
  readonly #robots = new Map<string, { readonly robots: Robots | null; readonly untilMs: number }>();

  /** @param agent our name in robots.txt */
  constructor(waitSeconds: number, agent: string) {
    this.#waitMs = waitSeconds * 1000;
    this.#agent = agent;
  }

  /** How long this server is still left in peace. */
  leftMs(origin: string): number {
    return Math.max(0, this.#host(origin).nextMs - performance.now());
  }

  /** It has been asked, and what it answered; null: it did not. */
  asked(origin: string, status: number | null): void {
    const host = this.#host(origin);
    if (status === 429 || status === 503) host.pauseMs = slowedDown(host.pauseMs);
    else if (status !== null) host.pauseMs = recovered(host.pauseMs, this.#waitMs);
    host.nextMs = performance.now() + host.pauseMs;
  }

  /** It has asked for a rest. */
  rest(origin: string, ms: number): void {
    const host = this.#host(origin);
    host.nextMs = Math.max(host.nextMs, performance.now() + ms);
  }

  /**
   * What a server allows, asked of it with `fetch` once a day. Null: it can't say now.
   * @throws what `fetch` throws
   */
  async robots(origin: string, fetch: (url: string) => Promise<Exchange>): Promise<Robots | null> {
    const known = this.#robots.get(origin);
    if (known !== undefined && known.untilMs > performance.now()) return known.robots;
    let url = `${origin}/robots.txt`;
    let robots: Robots | null = null;
    // As many redirects as must be followed (RFC 9309, 2.3.1.2).
    for (let hops = 0; hops <= 5; hops++) {
      const { head, raw, body, end } = await fetch(url);
      const [location] = head.fields
        .filter(([name]) => name.toLowerCase() === 'location')
        .map(([, value]) => value);
      const target =
        head.status >= 300 && head.status < 400 && location !== undefined ? targetOf(location, url) : null;
      const text = pageText(
        Buffer.concat([...body.parts(0, Math.min(body.length, robotsBytes))]),
        null,
        'utf-8',
      );
      raw.close();
      body.close();
      // Half of it could lack what bars us.
      if (end === 'incomplete') {
        robots = null;
        break;
      }
      robots = readRobots(`${origin}/robots.txt`, head.status, text, this.#agent);
      if (target === null) break;
      url = target;
    }
    this.#robots.set(origin, { robots, untilMs: performance.now() + (robots === null ? againMs : holdsMs) });
    return robots;
  }

  /** It is asked again at the next occasion. */
  forgetRobots(origin: string): void {
    this.#robots.delete(origin);
  }

  #host(origin: string): Host {
    const known = this.#hosts.get(origin);
    if (known !== undefined) return known;
    const host = { pauseMs: this.#waitMs, nextMs: 0 };
    this.#hosts.set(origin, host);
    return host;
  }
}

function targetOf(location: string, base: string): string | null {
  return URL.canParse(location, base) ? new URL(location, base).href : null;
}

// A CommonJS module: its types say that it has a default export, and what it really exports is the function itself.
const robotsParser = robotsModule.default as unknown as typeof robotsModule.default.default;

/** What a server allows, by RFC 9309. */
export interface Robots {
  isAllowed(url: string): boolean;
}

/** As much of the file as must be read (RFC 9309, 2.5). */
const robotsBytes = 512_000;

const everything: Robots = { isAllowed: () => true };

/**
 * @param agent our name, as it stands in `User-agent:` lines
 * @returns null when the server must be asked again later: it can't say now (2.3.1.4)
 */
export function readRobots(robotsUrl: string, status: number, text: string, agent: string): Robots | null {
  if (status >= 500 || status === 429) return null;
  if (status < 200 || status >= 300) return everything;
  // A byte order mark would hide the first line.
  const rules = robotsParser(robotsUrl, text.replace(/^\ufeff/, ''));
  return {
    isAllowed: (url) => rules.isAllowed(url, agent) !== false,
  };
}
