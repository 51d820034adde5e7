import { workerConditions, type WorkerCondition } from '../core/report/worker-conditions.ts';
import type { Log, LogFields } from '../effects/log.ts';

const levelOf = { critical: 'error', warning: 'warning', notice: 'notice' } as const;

/** Things that last: each is logged once when it begins and once when it ends, not at every poll. */
export class ToldConditions {
  readonly #log: Log;
  /** By code, and by job where it is about one. */
  readonly #active = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  begin(code: WorkerCondition, fields: LogFields = {}): void {
    const key = keyOf(code, fields['job']);
    if (this.#active.has(key)) return;
    const { meaning, severity } = workerConditions[code];
    this.#active.set(key, meaning);
    this.#log(levelOf[severity], meaning, { ...fields, code });
  }

  end(code: WorkerCondition, job?: number): void {
    const key = keyOf(code, job);
    const meaning = this.#active.get(key);
    if (meaning === undefined) return;
    this.#active.delete(key);
    this.#log('notice', `over: ${meaning}`, { code });
  }

  isActive(code: WorkerCondition): boolean {
    return this.#active.has(keyOf(code));
  }
}

function keyOf(code: WorkerCondition, job?: LogFields[string]): string {
  return job === undefined || job === null ? code : `${code} ${String(job)}`;
}
