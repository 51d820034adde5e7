/** What a story plays on: a folder of its own, and everything that has to be ended, in order, however the story ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';

type CleanUp = () => Promise<void> | void;

export class Stage {
  readonly keep: boolean;
  readonly #cleanUps: CleanUp[] = [];
  readonly #interrupt = new AbortController();

  constructor({ keep }: { keep: boolean }) {
    this.keep = keep;
    // A terminal that was closed is no reason to leave anything behind.
    for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        // A second one changes nothing: ending what runs is bounded.
        if (this.isInterrupted) return;
        this.#interrupt.abort();
        process.stderr.write(`\n${styleText('yellow', 'Interrupted: ending the crawls ...')}\n`);
      });
    }
  }

  get isInterrupted(): boolean {
    return this.#interrupt.signal.aborted;
  }

  /** Waits for `work`, but no longer than until somebody interrupts. */
  async orInterrupted<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#interrupt;
    signal.throwIfAborted();
    const interrupted = new Promise<never>((_, reject) => {
      const stop = (): void => {
        reject(new Error('interrupted'));
      };
      signal.addEventListener('abort', stop, { once: true });
      const forget = (): void => {
        signal.removeEventListener('abort', stop);
      };
      void work.then(forget, forget);
    });
    return await Promise.race([work, interrupted]);
  }

  /** What is set up last is ended first. */
  onClear(cleanUp: CleanUp): void {
    this.#cleanUps.push(cleanUp);
  }

  async makeFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'healtharchive-demo-'));
    this.onClear(async () => {
      if (this.keep) return;
      await rm(folder, { recursive: true, force: true });
    });
    return folder;
  }

  async clear(): Promise<void> {
    for (let cleanUp = this.#cleanUps.pop(); cleanUp !== undefined; cleanUp = this.#cleanUps.pop()) {
      await cleanUp();
    }
  }

  say(line = ''): void {
    process.stdout.write(`${line}\n`);
  }

  heading(text: string): void {
    this.say();
    this.say(styleText('bold', text));
  }
}
