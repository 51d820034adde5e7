import { closeSync, openSync, readSync } from 'node:fs';

const chunkBytes = 256 * 1024;
/** At most this much at once, so that a crawler that floods its log can't hold up the worker. */
const maxBytesAtOnce = 16 * 1024 * 1024;

/** Reads what was added to a file on local disk since the last call. */
export class LogTail {
  readonly #file: string;
  readonly #decoder = new TextDecoder();
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws the file system's error */
  *newText(): Generator<string> {
    const fd = openSync(this.#file, 'r');
    try {
      const buffer = Buffer.alloc(chunkBytes);
      const end = this.#offset + maxBytesAtOnce;
      while (this.#offset < end) {
        const count = readSync(fd, buffer, 0, chunkBytes, this.#offset);
        if (count === 0) return;
        this.#offset += count;
        yield this.#decoder.decode(buffer.subarray(0, count), { stream: true });
      }
    } finally {
      closeSync(fd);
    }
  }
}
