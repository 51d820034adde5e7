import { setTimeout as pause } from 'node:timers/promises';
import type { JobsIfKnown } from '../hot-paths/jobs-if-known.ts';

/** A database that works answers sooner; what takes longer is not waited for by whoever looks at broken storage. */
const promptMs = 600;

/** One question to the database, whose answer is used as soon as it is there, and waited for only by who has nothing else to do. */
export class JobsAsked {
  readonly #question: Promise<JobsIfKnown>;
  #used: JobsIfKnown = { isKnown: false, because: 'it has not answered yet', fix: null };
  #isFirst = true;

  constructor(question: Promise<JobsIfKnown>) {
    this.#question = question;
  }

  /** The answer, if it is there by now; the first time it is waited for a moment. */
  async promptly(): Promise<JobsIfKnown> {
    const waitMs = this.#isFirst ? promptMs : 0;
    this.#isFirst = false;
    this.#used = await Promise.race([this.#question, pause(waitMs, this.#used, { ref: false })]);
    return this.#used;
  }

  /** Waits for the answer. True when it says more than what was used: then it is worth another look. */
  async isLateAnswerNews(): Promise<boolean> {
    const before = this.#used;
    this.#used = await this.#question;
    return this.#used !== before && this.#used.isKnown;
  }

  /** Why the jobs are not known in the end, as far as it was waited for. */
  get answer(): JobsIfKnown {
    return this.#used;
  }
}
