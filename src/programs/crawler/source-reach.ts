/** Whether the source can be reached at all: which addresses are at fault themselves, and when the crawl pauses. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  afterAnswer,
  afterUnreachable,
  isGivenUp,
  noOutage,
  paused,
  type Outage,
} from '../../core/crawler/patience.ts';
import type { Claimed } from './frontier.ts';

/** Could not be reached, and it is not known yet whose fault that is. */
export interface Suspect {
  readonly claimed: Claimed;
  readonly because: string;
}

export interface Verdict {
  /** `address`: the source answers, so it is the addresses; `way`: it does not, and no address has been tried in vain. */
  readonly fault: 'address' | 'way';
  readonly suspects: readonly Suspect[];
}

export class SourceReach {
  readonly #isThere: (stop: AbortSignal) => Promise<boolean>;
  #outage: Outage = noOutage;
  #suspects: Suspect[] = [];

  /** @param isThere asks the source now; false when it is stopped meanwhile */
  constructor(isThere: (stop: AbortSignal) => Promise<boolean>) {
    this.#isThere = isThere;
  }

  get isPaused(): boolean {
    return this.#outage.kind === 'paused';
  }

  get hasSuspects(): boolean {
    return this.#suspects.length > 0;
  }

  isGivenUp(patienceMs: number): boolean {
    return isGivenUp(this.#outage, patienceMs, performance.now());
  }

  /** An address could not be reached. Null: not enough of them yet to say whose fault it is. */
  async unreachable(suspect: Suspect, stop: AbortSignal): Promise<Verdict | null> {
    this.#suspects.push(suspect);
    const outage = afterUnreachable(this.#outage, performance.now());
    if (outage.kind === 'paused') return await this.judge(stop);
    this.#outage = outage;
    return null;
  }

  /** Asks the source. When it does not answer, the crawl is paused from now on. */
  async judge(stop: AbortSignal): Promise<Verdict> {
    if (await this.#isThere(stop)) return { fault: 'address', suspects: this.answered() };
    const suspects = this.#suspects;
    this.#suspects = [];
    this.#outage = paused(performance.now());
    return { fault: 'way', suspects };
  }

  /** It has answered something. @returns what could not be reached before that, which is at fault itself */
  answered(): readonly Suspect[] {
    const suspects = this.#suspects;
    this.#suspects = [];
    this.#outage = afterAnswer();
    return suspects;
  }

  /** Waits until it is to be asked again, and asks. True when it answers: then the crawl is paused no longer. */
  async probe(stop: AbortSignal): Promise<boolean> {
    if (this.#outage.kind !== 'paused') return true;
    await pause(this.#outage.nextMs - performance.now(), stop);
    if (stop.aborted) return false;
    if (await this.#isThere(stop)) {
      this.#outage = afterAnswer();
      return true;
    }
    this.#outage = afterUnreachable(this.#outage, performance.now());
    return false;
  }
}

/** A stop ends it at once; what waits for it looks. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await sleep(Math.max(ms, 0), undefined, { signal: stop });
  } catch {
    // stopped
  }
}
