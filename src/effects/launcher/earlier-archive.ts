/**
 * What earlier attempts of the job (and earlier passes of this one) archived, as far as it can be relied on: the CDX
 * lines that wget deduplicates against. A revisit record for something that was lost in a crash would lose it for good,
 * so a line counts only if its record is really there, completely. Of an attempt whose files were synced without an error:
 *
 *   - wget writes records one after another, so a record ends before the next one that the CDX names;
 *   - at the end of a file, where TERM leaves its mark, records are inflated and their checksums compared, from the last
 *     one back, until one is intact.
 *
 * Of any other attempt each record is inflated: on storage that fails or fills up, a write can be lost while a later one
 * succeeds (sshfs reports it late), and the hole has records on both sides.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ExitRecord } from '../../core/attempts/exit-record.ts';
import { parseCdxLine, type CdxEntry } from '../../core/crawler/cdx.ts';
import { isCompleteMember } from './gzip-member.ts';
import { linesOfFile } from './lines-of-file.ts';

/** Name of the exit record's copy in `attempts/NNN/`. */
export const EXIT_RECORD_COPY = 'exit-record.json';

/** How many records at the end of a file are held back until the end has been checked. */
const TAIL_RECORDS = 64;

/** After so many lines signals and the lifeline get a turn: reading a CDX file is synchronous, and some have millions. */
const LINES_PER_TURN = 500;

/** Names of the job's CDX files in `warcs/`, oldest first. */
export function cdxFilesOf(jobId: string): string[] {
  const ofJob = new RegExp(`^${jobId}-\\d{3,}(-\\d+)?\\.cdx$`);
  return readdirSync('warcs')
    .filter((name) => ofJob.test(name))
    .map((name) => name.slice(0, -'.cdx'.length))
    .sort(new Intl.Collator('en', { numeric: true }).compare)
    .map((stem) => `${stem}.cdx`);
}

/**
 * Calls `onEntry` for each entry of one CDX file that can be relied on, until `isStopped` says so.
 * Throws Node's system errors when storage fails.
 */
export async function readTrustedEntries(
  cdxFile: string,
  isStopped: () => boolean,
  onEntry: (entry: CdxEntry) => void,
): Promise<void> {
  const mode = wasSynced(cdxFile) ? 'by_order' : 'each_record';
  let reader = new WarcReader('', mode, onEntry);
  let lines = 0;
  for (const line of linesOfFile(`warcs/${cdxFile}`)) {
    lines += 1;
    if (lines % LINES_PER_TURN === 0) await nextTurn();
    if (isStopped()) return;
    const entry = parseCdxLine(line);
    if (entry === null || !belongsTo(entry.file, cdxFile)) continue;
    if (reader.file !== entry.file) {
      await reader.finish();
      reader = new WarcReader(entry.file, mode, onEntry);
    }
    await reader.add(entry);
  }
  await reader.finish();
}

/** By the exit record that the attempt has left in the output directory. Unknown is no. */
function wasSynced(cdxFile: string): boolean {
  const number = /^\d+-(\d+)/.exec(cdxFile)?.[1] ?? '';
  try {
    const record = JSON.parse(readFileSync(`attempts/${number}/${EXIT_RECORD_COPY}`, 'utf8')) as ExitRecord;
    return record.archived !== null && record.storageErrnos.length === 0 && !record.archiveUnwritable;
  } catch {
    return false;
  }
}

/** `1-001.cdx` speaks of `1-001-00000.warc.gz` and so on only. */
function belongsTo(warcFile: string, cdxFile: string): boolean {
  const stem = cdxFile.slice(0, -'.cdx'.length);
  return warcFile.startsWith(`${stem}-`) && /^\d{5,}\.warc\.gz$/.test(warcFile.slice(stem.length + 1));
}

/** Passes on the entries of one WARC file, in order of their offsets, once they are known to be whole. */
class WarcReader {
  readonly file: string;
  readonly #path: string;
  readonly #size: number;
  readonly #mode: 'by_order' | 'each_record';
  readonly #onEntry: (entry: CdxEntry) => void;
  #tail: CdxEntry[] = [];

  constructor(file: string, mode: 'by_order' | 'each_record', onEntry: (entry: CdxEntry) => void) {
    this.file = file;
    this.#mode = mode;
    this.#path = `warcs/${file}`;
    this.#onEntry = onEntry;
    this.#size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  async add(entry: CdxEntry): Promise<void> {
    if (this.#mode === 'each_record') {
      if (await isCompleteMember(this.#path, entry.offset)) this.#onEntry(entry);
      return;
    }
    const last = this.#tail.at(-1);
    // A step back in the file: this is not what one wget wrote, and nothing says where records end.
    if (entry.offset >= this.#size || (last !== undefined && entry.offset <= last.offset)) return;
    this.#tail.push(entry);
    if (this.#tail.length <= TAIL_RECORDS) return;
    const oldest = this.#tail.shift();
    if (oldest !== undefined) this.#onEntry(oldest);
  }

  async finish(): Promise<void> {
    for (let last = this.#tail.at(-1); last !== undefined; last = this.#tail.at(-1)) {
      if (await isCompleteMember(this.#path, last.offset)) break;
      this.#tail.pop();
    }
    for (const entry of this.#tail) this.#onEntry(entry);
    this.#tail = [];
  }
}
