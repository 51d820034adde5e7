/**
 * When what was kept is made sure of. What was not is asked for twice after whatever interrupts the crawl, so it is done whenever a server
 * is waited for anyway; and when none is, so often that it takes a quarter of the time, but at least each second.
 */
const mostMs = 1000;
const workPerCommit = 3;

/** Times are of the clock of `performance.now`. */
export class CommitPace {
  #lastMs = performance.now();
  #tookMs = 0;
  /** How long the server took to answer, if it took longer than a commit. */
  #answerMs = 0;

  committed(beganMs: number, nowMs: number): void {
    this.#tookMs = nowMs - beganMs;
    this.#lastMs = nowMs;
  }

  isDue(nowMs: number): boolean {
    return nowMs - this.#lastMs >= Math.min(mostMs, this.#tookMs * workPerCommit);
  }

  /** It costs nothing while nothing is to be done for so long. */
  fitsInto(idleMs: number): boolean {
    return idleMs > this.#tookMs;
  }

  /** It costs nothing while this server thinks. */
  get fitsIntoAnswer(): boolean {
    return this.fitsInto(this.#answerMs);
  }

  /** A server has answered, that was asked then. */
  answered(askedMs: number, nowMs: number): void {
    const hasCommitted = this.#lastMs > askedMs;
    // It had answered while we were busy: nobody knows how fast it is.
    const wasThere = hasCommitted && nowMs - this.#lastMs < 1;
    this.#answerMs = wasThere ? 0 : nowMs - askedMs;
  }
}
