import type { Log, LogFields, LogLevel } from '../effects/log.ts';

/** Things that last: each is logged once when it begins and once when it ends, not at every poll. */
export class Conditions {
  readonly #log: Log;
  readonly #active = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  begin(name: string, message: string, fields: LogFields = {}, level: LogLevel = 'warning'): void {
    if (this.#active.has(name)) return;
    this.#active.set(name, message);
    this.#log(level, message, fields);
  }

  end(name: string): void {
    const message = this.#active.get(name);
    if (message === undefined) return;
    this.#active.delete(name);
    this.#log('notice', `over: ${message}`);
  }

  isActive(name: string): boolean {
    return this.#active.has(name);
  }
}
