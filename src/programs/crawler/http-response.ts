/**
 * Reads one HTTP/1.x response from the bytes of a connection: where its head ends, what its body is without its transfer encoding,
 * and whether all of it came. As lenient as browsers are, since an archive keeps what they would show; the bytes as they were sent
 * are kept by whoever feeds it. RFC 9112 has the framing.
 */

export interface ResponseHead {
  readonly status: number;
  /** As sent, without line ends. */
  readonly statusLine: string;
  /** In their order, values without surrounding white space; text is Latin-1, byte by byte. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The answer can't be read, however much more of it comes. */
export class ResponseError extends Error {}

/** More is no head, but a body that was taken for one. */
const longestHeadBytes = 1024 * 1024;
const longestChunkLineBytes = 16 * 1024;
const lineFeed = 0x0a;

type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; left: number }
  | { readonly kind: 'close' }
  | Chunked;
interface Chunked {
  readonly kind: 'chunked';
  state: 'size' | 'data' | 'data_end' | 'trailer';
  left: number;
}

export class ResponseReader {
  readonly #onBody: (part: Uint8Array) => void;
  #held: Buffer = Buffer.alloc(0);
  #head: ResponseHead | null = null;
  #framing: Framing | null = null;
  #isComplete = false;
  /** Bytes of interim answers (1xx) that came before, which are no part of the response. */
  #interimBytes = 0;
  #headBytes = 0;

  /** @param onBody called with the body as it is without transfer encoding; its content encoding is still on */
  constructor(onBody: (part: Uint8Array) => void) {
    this.#onBody = onBody;
  }

  get head(): ResponseHead | null {
    return this.#head;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Where the response begins in what was fed, and how long its head is, empty line included. */
  get position(): { readonly start: number; readonly headBytes: number } {
    return { start: this.#interimBytes, headBytes: this.#headBytes };
  }

  /** What came after the response, which is no part of it. */
  get extraBytes(): number {
    return this.#isComplete ? this.#held.length : 0;
  }

  /** Whether the connection may be asked something else afterwards. */
  get canBeReused(): boolean {
    if (!this.#isComplete || this.#head === null || this.#framing?.kind === 'close' || this.#held.length > 0)
      return false;
    const connection = fieldValues(this.#head, 'connection').join(',').toLowerCase();
    return /^HTTP\/1\.1/i.test(this.#head.statusLine)
      ? !connection.includes('close')
      : connection.includes('keep-alive');
  }

  /** @throws ResponseError */
  push(bytes: Uint8Array): void {
    if (this.#isComplete) {
      this.#held = Buffer.concat([this.#held, bytes]);
      return;
    }
    let rest =
      this.#held.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    while (this.#head === null) {
      const end = headEnd(rest);
      if (end === -1) {
        if (rest.length > longestHeadBytes)
          throw new ResponseError(`a head of more than ${longestHeadBytes} bytes`);
        this.#held = Buffer.from(rest);
        return;
      }
      const head = parseHead(rest.subarray(0, end));
      rest = rest.subarray(end);
      if (head.status >= 100 && head.status < 200 && head.status !== 101) {
        this.#interimBytes += end;
        continue;
      }
      this.#head = head;
      this.#headBytes = end;
      this.#framing = framingOf(head);
      if (this.#framing.kind === 'none' || (this.#framing.kind === 'length' && this.#framing.left === 0))
        this.#isComplete = true;
    }
    this.#body(rest);
  }

  /** The server has closed the connection, in order. */
  end(): void {
    if (this.#framing?.kind === 'close') this.#isComplete = true;
  }

  #body(bytes: Buffer): void {
    const framing = this.#framing;
    let rest = bytes;
    if (framing?.kind === 'chunked') rest = this.#chunks(framing, rest);
    else if (!this.#isComplete && framing?.kind === 'length') {
      const part = rest.subarray(0, framing.left);
      this.#give(part);
      framing.left -= part.length;
      this.#isComplete = framing.left === 0;
      rest = rest.subarray(part.length);
    } else if (framing?.kind === 'close') {
      this.#give(rest);
      rest = rest.subarray(rest.length);
    }
    if (rest.length > 0) this.#held = Buffer.from(rest);
  }

  /** Returns what is left for the next time: an unfinished line, or what follows the response. */
  #chunks(chunked: Chunked, bytes: Buffer): Buffer {
    let rest = bytes;
    while (!this.#isComplete && rest.length > 0) {
      if (chunked.state === 'data') {
        const part = rest.subarray(0, chunked.left);
        this.#give(part);
        chunked.left -= part.length;
        rest = rest.subarray(part.length);
        if (chunked.left === 0) chunked.state = 'data_end';
        continue;
      }
      const end = rest.indexOf(lineFeed);
      if (end === -1) {
        if (rest.length > longestChunkLineBytes) throw new ResponseError('a chunk without a size');
        return rest;
      }
      const line = rest.subarray(0, end).toString('latin1').trim();
      rest = rest.subarray(end + 1);
      this.#chunkLine(chunked, line);
    }
    return rest;
  }

  #chunkLine(chunked: Chunked, line: string): void {
    switch (chunked.state) {
      case 'size': {
        const digits = /^([0-9a-f]{1,12})\s*(?:;.*)?$/i.exec(line)?.[1];
        if (digits === undefined) throw new ResponseError(`a chunk of size "${line.slice(0, 40)}"`);
        chunked.left = Number.parseInt(digits, 16);
        chunked.state = chunked.left === 0 ? 'trailer' : 'data';
        return;
      }
      case 'data_end':
        if (line !== '') throw new ResponseError('a chunk is longer than its size');
        chunked.state = 'size';
        return;
      case 'trailer':
        if (line === '') this.#isComplete = true;
        return;
      case 'data':
    }
  }

  #give(part: Uint8Array): void {
    if (part.length > 0) this.#onBody(part);
  }
}

/** All values of a field, whatever its case. */
export function fieldValues({ fields }: Pick<ResponseHead, 'fields'>, name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** Right behind the empty line, whatever its line ends; -1: it has not come yet. */
function headEnd(bytes: Buffer): number {
  for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) {
    if (bytes[at + 1] === lineFeed) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === lineFeed) return at + 3;
  }
  return -1;
}

function parseHead(bytes: Buffer): ResponseHead {
  const [statusLine = '', ...lines] = bytes.toString('latin1').split(/\r?\n/);
  const status = /^HTTP\/\d(?:\.\d)?\s+(\d{3})(?!\d)/i.exec(statusLine)?.[1];
  if (status === undefined) throw new ResponseError(`no HTTP/1 response: "${statusLine.slice(0, 60)}"`);
  const fields: [string, string][] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) {
      last[1] = `${last[1]} ${line.trim()}`.trim();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon > 0) fields.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return { status: Number(status), statusLine, fields };
}

function framingOf(head: ResponseHead): Framing {
  if (head.status === 204 || head.status === 304 || head.status === 101) return { kind: 'none' };
  const codings = fieldValues(head, 'transfer-encoding').join(',').toLowerCase();
  if (/(^|,)\s*chunked\s*$/.test(codings)) return { kind: 'chunked', state: 'size', left: 0 };
  if (codings !== '' && codings !== 'identity') return { kind: 'close' };
  const lengths = new Set(
    fieldValues(head, 'content-length')
      .flatMap((value) => value.split(','))
      .map((text) => text.trim()),
  );
  if (lengths.size === 0) return { kind: 'close' };
  const [length = ''] = lengths;
  if (lengths.size > 1)
    throw new ResponseError(`lengths that differ: ${[...lengths].join(', ').slice(0, 80)}`);
  // Browsers read what can't be a length to the end of the connection.
  return /^\d{1,15}$/.test(length) ? { kind: 'length', left: Number(length) } : { kind: 'close' };
}
