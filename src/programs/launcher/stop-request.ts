/**
 * Why the launcher should end the crawler, if it should. Reasons, the first one counts:
 *
 *   signal       TERM, INT: the worker signals the whole group, so the crawler has it already
 *   worker_lost  standard input ended: the worker is gone, and nobody else would end the crawler
 */
export type StopReason = 'signal' | 'worker_lost';

export class StopRequest {
  #reason: StopReason | null = null;
  readonly #listeners: ((reason: StopReason) => void)[] = [];

  /** Null while nothing asked for it. A method, because it can change at every await. */
  reason(): StopReason | null {
    return this.#reason;
  }

  request(reason: StopReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    for (const listener of this.#listeners) listener(reason);
  }

  /** Called at once if stopping was requested already. */
  onRequest(listener: (reason: StopReason) => void): void {
    if (this.#reason === null) this.#listeners.push(listener);
    else listener(this.#reason);
  }
}

/** From now on TERM does not end this process, so that it can tidy up after the crawler. */
export function watchForStop(): StopRequest {
  const stop = new StopRequest();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop.request('signal');
    });
  }
  // The end of a terminal session is none of our business.
  process.on('SIGHUP', () => undefined);
  const lifelineEnded = (): void => {
    stop.request('worker_lost');
  };
  process.stdin.on('end', lifelineEnded).on('error', lifelineEnded).resume();
  return stop;
}
