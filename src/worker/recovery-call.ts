import type { Log } from '../effects/log.ts';
import { pullTrigger } from '../effects/trigger-file.ts';

/** A call that comes sooner after another one is made when this time is over, so that none is lost and none is many. */
const pauseMs = 10_000;

/** Calls for recovery after an infra error. The worker may mount nothing itself; whoever may watches the trigger file. */
export class RecoveryCall {
  readonly #trigger: string;
  readonly #log: Log;
  #calledAtMs = Number.NEGATIVE_INFINITY;
  #isDue = false;

  constructor(trigger: string, log: Log) {
    this.#trigger = trigger;
    this.#log = log;
  }

  call(): void {
    if (this.#isDue) return;
    const waitMs = this.#calledAtMs + pauseMs - performance.now();
    if (waitMs <= 0) {
      this.#pull();
      return;
    }
    this.#isDue = true;
    setTimeout(() => {
      this.#pull();
    }, waitMs).unref();
  }

  #pull(): void {
    this.#isDue = false;
    this.#calledAtMs = performance.now();
    try {
      pullTrigger(this.#trigger, Date.now());
    } catch (error) {
      // Recovery looks by itself, too, only later.
      this.#log('warning', 'recovery could not be called', { because: (error as Error).message });
    }
  }
}
