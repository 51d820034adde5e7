/** The journal of a host, as it is written, told in one line an event: what was seen, decided and done, and when. */
import { JOBS_ROOT } from '../lab/hot-path.ts';
import type { Host } from '../lab/host.ts';
import { WORKER_UNIT } from '../lab/installation.ts';
import { BASE, BASE_UNIT } from '../lab/storage-box.ts';
import { RECOVERY } from './lab-host.ts';

export interface TimelineEvent {
  readonly atMs: number;
  readonly what: string;
}

interface JournalEntry {
  readonly __REALTIME_TIMESTAMP: string;
  readonly MESSAGE: string;
  readonly _SYSTEMD_UNIT?: string;
  readonly UNIT?: string;
}

/** Follows the journal from now on. */
export class Timeline {
  readonly #stdout: () => string;
  readonly #names: ReadonlyMap<string, string>;
  readonly #tell: (event: TimelineEvent) => void;
  readonly #events: TimelineEvent[] = [];
  #read = 0;

  /** @param names of the jobs, by id */
  constructor(host: Host, names: ReadonlyMap<string, string>, tell: (event: TimelineEvent) => void) {
    const units = [BASE_UNIT, `${RECOVERY}.service`, WORKER_UNIT].map((unit) => `--unit=${unit}`);
    const follow = ['journalctl', '--follow', '--lines=0', '--output=json', ...units];
    this.#stdout = host.start(follow, { holdInput: true }).stdout;
    this.#names = names;
    this.#tell = tell;
  }

  /** Tells what has come since the last time. */
  advance(): void {
    const text = this.#stdout();
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(this.#read, end).split('\n')) {
      if (line === '') continue;
      const entry = JSON.parse(line) as JournalEntry;
      const what = describe(entry, this.#names);
      if (what === null) continue;
      const event = { atMs: Number(entry.__REALTIME_TIMESTAMP) / 1000, what };
      this.#events.push(event);
      this.#tell(event);
    }
    this.#read = end;
  }

  /** When the first event came that says this, in milliseconds since the epoch; null: not yet. */
  momentOf(what: string): number | null {
    return this.#events.find((event) => event.what.includes(what))?.atMs ?? null;
  }

  count(what: string): number {
    return this.#events.filter((event) => event.what.includes(what)).length;
  }
}

function describe(
  { MESSAGE: message, UNIT, _SYSTEMD_UNIT: from }: JournalEntry,
  names: ReadonlyMap<string, string>,
): string | null {
  const unit = UNIT ?? from;
  if (unit === BASE_UNIT) return ofBase(message);
  const fields = new Map(
    [...message.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)/g)].map(([, key = '', value = '']) => [
      key,
      value.replace(/^"|"$/g, ''),
    ]),
  );
  const job = names.get(fields.get('job') ?? '') ?? '';
  if (unit === WORKER_UNIT) return ofWorker(message, fields, job);
  if (message.startsWith('storage incident opened'))
    return `detected  incident opened: ${shorten(fields.get('paths') ?? '')}`;
  if (message.startsWith('storage incident closed'))
    return `closed    all still healthy; from first sight to proof it took ${fields.get('seconds') ?? '?'} s`;
  if (message.startsWith('recovery: plan')) return `plan      ${shorten(fields.get('steps') ?? '')}`;
  if (message.startsWith('evidence kept'))
    return `evidence  how it looked is kept: ${(fields.get('path') ?? '').split('/').at(-1) ?? ''}`;
  if (message.startsWith('recovery: job need not wait'))
    return `resume    ${job} need not wait for its cooldown`;
  const step = /^recovery: (\w+) (\w+)/.exec(message);
  if (step === null) return null;
  const [, kind = '', outcome = ''] = step;
  const how = outcome === 'done' ? '' : ` (${outcome})`;
  const what =
    kind === 'verify' ? 'proved: written, synced, read back' : kind === 'wait' ? 'waited for systemd' : kind;
  return `repair    ${shorten(fields.get('path') ?? '')}: ${what}${how}`;
}

function ofBase(message: string): string | null {
  if (message.includes('Main process exited')) return 'base      its sshfs is gone: every bind of it is dead';
  return message.startsWith('Started ') ? 'base      mounted again by systemd; its binds stay dead' : null;
}

function ofWorker(message: string, fields: ReadonlyMap<string, string>, job: string): string | null {
  const attempt = Number(fields.get('attempt')?.split('-')[1] ?? '0');
  if (message.startsWith('attempt started') && attempt > 1)
    return `resume    ${job} is crawled again, attempt ${attempt}`;
  if (message.startsWith('attempt ended') && fields.get('outcome') === 'infra_error')
    return `worker    ${job}: infra error; ${fields.get('pages') ?? '?'} pages stay, no retry is used`;
  if (message.startsWith('attempt ended')) return `worker    ${job}: ${fields.get('status') ?? 'ended'}`;
  return null;
}

function shorten(text: string): string {
  return text.replaceAll(`${JOBS_ROOT}/`, '').replaceAll(BASE, 'the base');
}
