/**
 * Reads WARC files back, record by record, with a library that had no part in writing them, and holds every record
 * against the digests it carries.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WARCParser, type WARCRecord } from 'warcio';

export interface ReadBack {
  readonly files: number;
  readonly bytes: number;
  readonly records: number;
  readonly digests: number;
  /** Files that end in the middle of a record; what comes before counts as the rest does. */
  readonly cutShort: number;
  /** One line for each digest that does not hold and each record without any. */
  readonly faults: readonly string[];
  /** Status of the last response of each URL. */
  readonly responses: ReadonlyMap<string, number>;
}

/** Everything in the `*.warc.gz` files of a folder. Each record is held in memory once: made for small crawls. */
export async function readBack(
  folder: string,
  mayBeCutShort: (name: string) => boolean = () => false,
): Promise<ReadBack> {
  const found = { files: 0, bytes: 0, records: 0, digests: 0, cutShort: 0 };
  const faults: string[] = [];
  const responses = new Map<string, number>();
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.warc.gz')).sort()) {
    const file = join(folder, name);
    found.files += 1;
    found.bytes += (await stat(file)).size;
    try {
      for await (const record of WARCParser.iterRecords(createReadStream(file), { parseHttp: false })) {
        const block = await record.readFully(false);
        found.records += 1;
        const checked = checkDigests(record, block);
        found.digests += checked.held;
        faults.push(...checked.faults.map((fault) => `${name}, record ${found.records}: ${fault}`));
        // A revisit is a response whose payload is in an earlier record.
        if (['response', 'revisit'].includes(record.warcType))
          responses.set(record.warcTargetURI ?? '', httpStatus(block));
      }
    } catch (error) {
      if (!mayBeCutShort(name)) throw error;
      found.cutShort += 1;
    }
  }
  return { ...found, faults, responses };
}

function checkDigests(record: WARCRecord, block: Uint8Array): { held: number; faults: string[] } {
  const claims: [what: string, claim: string | null | undefined, bytes: Uint8Array][] = [];
  claims.push(['block', record.warcBlockDigest, block]);
  // A revisit names the payload of the record it refers to; it has none of its own.
  if (record.warcType === 'response') claims.push(['payload', record.warcPayloadDigest, payloadOf(block)]);
  const made = claims.filter(([, claim]) => claim !== null && claim !== undefined);
  const broken = made.filter(([, claim, bytes]) => claim !== sha1Digest(bytes));
  const faults = broken.map(([what, claim]) => `${what} digest ${String(claim)} does not hold`);
  if (made.length === 0 && record.warcType !== 'revisit') faults.push('carries no digest');
  return { held: made.length - broken.length, faults };
}

function httpStatus(block: Uint8Array): number {
  const statusLine = Buffer.from(block.subarray(0, 32)).toString('latin1');
  return Number(/^HTTP\/\S+ (\d{3})/.exec(statusLine)?.[1] ?? 0);
}

/** What follows the HTTP headers, without its transfer encoding. */
function payloadOf(block: Uint8Array): Uint8Array {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return new Uint8Array();
  const isChunked = /^transfer-encoding:.*chunked/im.test(bytes.toString('latin1', 0, end));
  return isChunked ? withoutChunks(bytes.subarray(end + 4)) : bytes.subarray(end + 4);
}

/** RFC 9112, 7.1: the size of each chunk in a line before it, and a last one of size zero. */
function withoutChunks(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (line === -1 || !(size > 0)) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

/** `sha1:` and the digest in Base32, as the WARC standard's examples have it. */
function sha1Digest(bytes: Uint8Array): string {
  return `sha1:${base32(createHash('sha1').update(bytes).digest())}`;
}

/** RFC 4648 without padding: five bytes are eight letters, and SHA-1 has four times five bytes. */
function base32(bytes: Uint8Array): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  const groups = bits.match(/.{5}/g) ?? [];
  return groups.map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(Number.parseInt(group, 2))).join('');
}
