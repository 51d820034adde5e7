import { setTimeout as sleep } from 'node:timers/promises';
import type { EndReason } from '../core/attempts/attempt-end.ts';
import type { RunningAttempt } from '../effects/start-launcher.ts';
import { afterKillMs } from './worker-settings.ts';

/**
 * Ends an attempt's processes: TERM, a grace, KILL, and after that no more waiting. Asked twice, the first reason stays and
 * the shorter grace counts.
 */
export class Ending {
  readonly #attempt: RunningAttempt;
  readonly #giveUp: () => void;
  #reason: EndReason = 'none';
  #killAtMs = Number.POSITIVE_INFINITY;
  #hasBegun = false;
  #isOver = false;

  /** Settles when the processes are gone, or when they can't be ended and are left behind: the latter is `false`. */
  readonly over: Promise<boolean>;

  constructor(attempt: RunningAttempt) {
    this.#attempt = attempt;
    const abandoned = Promise.withResolvers<boolean>();
    this.#giveUp = () => {
      abandoned.resolve(false);
    };
    this.over = Promise.race([attempt.exited.then(() => true), abandoned.promise]).then((isGone) => {
      this.#isOver = true;
      return isGone;
    });
  }

  isOver(): boolean {
    return this.#isOver;
  }

  get reason(): EndReason {
    return this.#reason;
  }

  begin(reason: EndReason, graceMs: number): void {
    this.#killAtMs = Math.min(this.#killAtMs, performance.now() + graceMs);
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#reason = reason;
    this.#attempt.terminate();
    void this.#enforce();
  }

  async #enforce(): Promise<void> {
    while (performance.now() < this.#killAtMs) {
      await Promise.race([this.over, sleep(Math.min(this.#killAtMs - performance.now(), 200))]);
      if (this.isOver()) return;
    }
    this.#attempt.kill();
    await Promise.race([this.over, sleep(afterKillMs)]);
    if (this.isOver()) return;
    this.#attempt.release();
    this.#giveUp();
  }
}
