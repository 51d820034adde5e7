/**
 * Writes WARC/1.1 (ISO 28500:2017), each record a gzip member of its own. Records are written here and not by a library, because what
 * a server sent must stay as it was sent, to the byte, and may be larger than memory; libraries build header lines anew.
 */
import { createHash, randomUUID, type Hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { syncFolder } from '../../effects/small-file.ts';

export interface WarcRecord {
  readonly type: 'warcinfo' | 'request' | 'response' | 'revisit' | 'metadata';
  /** `<urn:uuid:...>` */
  readonly id: string;
  /** ISO 8601 with milliseconds, UTC. */
  readonly date: string;
  readonly contentType: string;
  /** Further fields, in their order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly block: Block;
}

/** What a record holds; in pieces when it is large. */
export interface Block {
  readonly length: number;
  /** `sha1:` and base 32, as every reader knows it. */
  readonly digest: string;
  readonly parts: Iterable<Uint8Array>;
}

/** Where a record lies in its file. */
export interface Written {
  readonly offset: number;
  readonly length: number;
}

/** Beyond it the gzip of a record is made piece by piece. */
const largeBytes = 4 * 1024 * 1024;

export function newRecordId(): string {
  return `<urn:uuid:${randomUUID()}>`;
}

export function blockOf(bytes: Uint8Array): Block {
  return { length: bytes.length, digest: digestOf(createHash('sha1').update(bytes)), parts: [bytes] };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The digest as WARC files have it, `sha1:` and base 32 (RFC 4648; 160 bits need no padding). */
export function digestOf(hash: Hash): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of hash.digest()) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >>> bits) & 31] ?? '';
    }
    value &= (1 << bits) - 1;
  }
  return `sha1:${text}`;
}

export class WarcFile {
  readonly path: string;
  readonly #fd: number;
  #length = 0;

  /** A new file: one that is there is never overwritten. @throws the errors of open(2) */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'wx', 0o644);
    syncFolder(dirname(path));
  }

  get length(): number {
    return this.#length;
  }

  async append(record: WarcRecord): Promise<Written> {
    const offset = this.#length;
    const head = Buffer.from(headOf(record), 'utf8');
    const end = Buffer.from('\r\n\r\n');
    if (record.block.length <= largeBytes) {
      this.#write(gzipSync(Buffer.concat([head, ...record.block.parts, end])));
      return { offset, length: this.#length - offset };
    }
    await pipeline(partsOf(head, record.block, end), createGzip(), async (compressed) => {
      for await (const bytes of compressed) this.#write(bytes as Buffer);
    });
    return { offset, length: this.#length - offset };
  }

  /** Returns when all that was appended is on the storage for good. */
  sync(): void {
    fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array): void {
    // All of it, at the end of what is there.
    writeFileSync(this.#fd, bytes);
    this.#length += bytes.length;
  }
}

/** One after another, as a large block is read from its file while it is written. */
function* partsOf(head: Uint8Array, { parts }: Block, end: Uint8Array): Generator<Uint8Array> {
  yield head;
  yield* parts;
  yield end;
}

function headOf({ type, id, date, contentType, fields, block }: WarcRecord): string {
  const all: (readonly [string, string])[] = [
    ['WARC-Type', type],
    ['WARC-Record-ID', id],
    ['WARC-Date', date],
    ...fields,
    ['WARC-Block-Digest', block.digest],
    ['Content-Type', contentType],
    ['Content-Length', String(block.length)],
  ];
  // Nothing that a server says may end a line.
  return `WARC/1.1\r\n${all.map(([name, value]) => `${name}: ${value.replace(/[\r\n]+/g, ' ')}\r\n`).join('')}\r\n`;
}
