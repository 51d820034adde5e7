import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeFileSync } from 'node:fs';
import { digestOf, type Block } from './warc-file.ts';

/** What is larger lies in a file. */
const inMemoryBytes = 1024 * 1024;
const pieceBytes = 1024 * 1024;

/** Bytes that come one after another and are read again when all have come; their digest is made on the way. */
export class Spool {
  readonly #file: string;
  readonly #hash = createHash('sha1');
  #pieces: Buffer[] = [];
  #fd: number | null = null;
  #length = 0;
  #digest: string | null = null;

  /** @param file on the local disk, for what is too large for memory; it is there for as long as the spool is open, without a name */
  constructor(file: string) {
    this.#file = file;
  }

  get length(): number {
    return this.#length;
  }

  /** @throws the errors of write(2), e.g. ENOSPC */
  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#length += bytes.length;
    if (this.#fd === null && this.#length <= inMemoryBytes) {
      this.#pieces.push(Buffer.from(bytes));
      return;
    }
    if (this.#fd === null) {
      this.#fd = openSync(this.#file, 'wx+', 0o600);
      unlinkSync(this.#file);
      for (const piece of this.#pieces) writeFileSync(this.#fd, piece);
      this.#pieces = [];
    }
    writeFileSync(this.#fd, bytes);
  }

  /** From here to there, or to the end; what was written must not change meanwhile. */
  *parts(from = 0, to = this.#length): Generator<Uint8Array> {
    if (this.#fd === null) {
      yield Buffer.concat(this.#pieces).subarray(from, to);
      return;
    }
    for (let at = from; at < to;) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, to - at));
      const count = readSync(this.#fd, piece, 0, piece.length, at);
      if (count === 0) return;
      yield piece.subarray(0, count);
      at += count;
    }
  }

  /** All of it as a record's block. */
  get block(): Block {
    this.#digest ??= digestOf(this.#hash);
    return { length: this.#length, digest: this.#digest, parts: this.parts() };
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    this.#pieces = [];
  }
}
