import { closeSync, openSync, writeSync } from 'node:fs';
import { CDX_HEADER, type CdxEntry } from '../../core/crawler/cdx.ts';
import { readTrustedEntries } from './earlier-archive.ts';

const LINES_PER_WRITE = 1000;

/** The CDX file for wget's --warc-dedup, on local disk. It grows from pass to pass; no earlier file is read twice. */
export class DedupFile {
  readonly #path: string;
  readonly #finished = new Set<string>();

  /** Makes the file. Throws Node's system errors, as every method does. */
  constructor(path: string) {
    this.#path = path;
    closeSync(openSync(path, 'w', 0o644));
    this.#append([CDX_HEADER]);
  }

  /**
   * Appends what can be relied on in those of the CDX files (names in `warcs/`) that it has not read yet.
   * What it has when `isStopped` says so, stays.
   */
  async add(
    cdxFiles: readonly string[],
    isStopped: () => boolean,
    onEntry: (entry: CdxEntry) => void,
  ): Promise<void> {
    for (const name of cdxFiles) {
      if (this.#finished.has(name)) continue;
      let lines: string[] = [];
      await readTrustedEntries(name, isStopped, (entry) => {
        lines.push(entry.line);
        if (lines.length >= LINES_PER_WRITE) {
          this.#append(lines);
          lines = [];
        }
        onEntry(entry);
      });
      this.#append(lines);
      if (isStopped()) return;
      this.#finished.add(name);
    }
  }

  #append(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const fd = openSync(this.#path, 'a');
    try {
      // Lines were read as Latin-1 and go back the same way, byte by byte.
      writeSync(fd, Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
    } finally {
      closeSync(fd);
    }
  }
}
