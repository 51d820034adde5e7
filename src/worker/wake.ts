import { setTimeout as sleep } from 'node:timers/promises';

/** A pause that can be cut short: by a signal, by an attempt that ended. A call during work is not lost. */
export class Wake {
  #isCalled = false;
  #resolve: (() => void) | null = null;

  call(): void {
    this.#isCalled = true;
    this.#resolve?.();
  }

  /** Waits for a call, but no longer than this. True when it was called. */
  async wait(milliseconds: number): Promise<boolean> {
    if (!this.#isCalled) {
      const called = Promise.withResolvers<undefined>();
      const timer = new AbortController();
      this.#resolve = () => {
        called.resolve(undefined);
      };
      await Promise.race([
        called.promise,
        sleep(milliseconds, undefined, { signal: timer.signal }).catch(() => undefined),
      ]);
      timer.abort();
      this.#resolve = null;
    }
    const wasCalled = this.#isCalled;
    this.#isCalled = false;
    return wasCalled;
  }
}
