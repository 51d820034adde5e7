import { readFileSync } from 'node:fs';
import type { JobQueries } from '../store/job-queries.ts';

/** A queue in which nothing can run is looked through for a three-hundredth of the time at most, */
const restPerLook = 300;
/** but now and then all the same: a disk that was full says nothing when it no longer is. */
const longestRestMs = 30_000;

/** What a job that can't run may be waiting for, as far as it leaves a trace. */
interface Traces {
  readonly mounts: string;
  readonly event: number;
  readonly deadlineMs: number | null;
}

/** After the whole queue was looked through in vain it rests, until something has changed. */
export class QueueRest {
  readonly #store: JobQueries;
  #seen: Traces | null = null;
  #untilMs = 0;

  constructor(store: JobQueries) {
    this.#store = store;
  }

  /** Whether nothing has changed since; then another look would find the same. */
  async isOn(): Promise<boolean> {
    if (this.#seen === null) return false;
    const { mounts, event, deadlineMs } = this.#seen;
    const isOn =
      performance.now() < this.#untilMs &&
      (deadlineMs === null || Date.now() < deadlineMs) &&
      mounts === mountTableText() &&
      event === (await this.#store.latestEvent());
    if (!isOn) this.#seen = null;
    return isOn;
  }

  /** Before a look: what changes while it lasts counts as changed since. */
  async traces(): Promise<Traces> {
    const deadlineMs = await this.#store.nextDeadline(Date.now());
    return { mounts: mountTableText(), event: await this.#store.latestEvent(), deadlineMs };
  }

  begin(before: Traces, lookTookMs: number): void {
    this.#seen = before;
    this.#untilMs = performance.now() + Math.min(longestRestMs, restPerLook * lookTookMs);
  }

  end(): void {
    this.#seen = null;
  }
}

function mountTableText(): string {
  return readFileSync('/proc/self/mountinfo', 'latin1');
}
