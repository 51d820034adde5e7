/**
 * Room for the exit record, taken before the crawl: a crawl that is finished must not be lost because the local disk
 * has become full meanwhile.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { ExitRecord } from '../../core/attempts/attempt-end.ts';
import { writeFileAtomically } from '../../effects/small-file.ts';
import { errnoOf } from './errno.ts';

const RESERVED_BYTES = 16_384;
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

export class RecordReserve {
  readonly #recordFile: string;
  readonly #reserveFile: string;

  /** Throws Node's system errors: then there would be no room for a record in the end either. */
  constructor(recordFile: string) {
    this.#recordFile = recordFile;
    this.#reserveFile = `${recordFile}.reserve`;
    const fd = openSync(this.#reserveFile, 'w', 0o644);
    try {
      // Random, so that no file system makes a hole of it or compresses it.
      writeFully(fd, randomBytes(RESERVED_BYTES));
      fsyncSync(fd);
    } catch (error) {
      rmSync(this.#reserveFile, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** Writes the record, if need be into the reserved room, and gives back what is left of that. */
  write(record: ExitRecord): void {
    try {
      writeFileAtomically(this.#recordFile, textOf(record));
      rmSync(this.#reserveFile, { force: true });
    } catch (error) {
      if (!FULL.has(errnoOf(error))) throw error;
      this.#useUp(record);
    }
  }

  /** In place: the blocks are the file's own already. The spaces after the JSON keep its size as it is. */
  #useUp(record: ExitRecord): void {
    const bytes = Buffer.alloc(RESERVED_BYTES, ' ');
    const text = Buffer.from(textOf(record));
    const fits = text.length <= RESERVED_BYTES;
    (fits ? text : Buffer.from(textOf(shortened(record)))).copy(bytes);
    const fd = openSync(this.#reserveFile, 'r+');
    try {
      writeFully(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(this.#reserveFile, this.#recordFile);
  }
}

/** Lists have no limit, and only explain. */
function shortened(record: ExitRecord): ExitRecord {
  const { crawl } = record;
  if (crawl === null) return record;
  const summary = crawl.summary && { ...crawl.summary, failed: [], seeds: crawl.summary.seeds.slice(0, 1) };
  return { ...record, crawl: { ...crawl, lostFiles: [], currentUrl: null, summary } };
}

function textOf(record: ExitRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

function writeFully(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
}
