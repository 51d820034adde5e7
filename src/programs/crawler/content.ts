/** A body without its content encodings, for reading links in it; what is archived keeps them. */
import type { Transform } from 'node:stream';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';

/** As far as it can be decoded, and no further than `limitBytes`: half a page has links as well. */
export async function decodedContent(
  parts: Iterable<Uint8Array>,
  encodings: string,
  limitBytes: number,
): Promise<Buffer> {
  const codings = encodings
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  let bytes = joined(parts, limitBytes);
  for (const coding of codings.reverse()) {
    const decoded = await decoderOf(coding, bytes, limitBytes);
    // Servers say gzip of what is plain; browsers then show an error, an archive reads what is there.
    if (decoded === null || (decoded.length === 0 && bytes.length > 0)) return bytes;
    bytes = decoded;
  }
  return bytes;
}

async function decoderOf(coding: string, bytes: Buffer, limitBytes: number): Promise<Buffer | null> {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return await gunzipped(bytes, limitBytes);
    case 'deflate': {
      // With and without the zlib header: servers send both (RFC 9110, 8.4.1.2).
      const { bytes: withHeader } = await through(bytes, createInflate(), limitBytes);
      return withHeader.length > 0
        ? withHeader
        : (await through(bytes, createInflateRaw(), limitBytes)).bytes;
    }
    case 'br':
      return (await through(bytes, createBrotliDecompress(), limitBytes)).bytes;
    case 'zstd':
      return (await through(bytes, createZstdDecompress(), limitBytes)).bytes;
    default:
      return null;
  }
}

/** What a gzip header without optional fields is long (RFC 1952, 2.3). */
const gzipHeaderBytes = 10;

/** Node takes what follows a member for another one, and an error there costs the end of the first: so that is read by itself, too. */
async function gunzipped(bytes: Buffer, limitBytes: number): Promise<Buffer> {
  const { bytes: all, isWhole } = await through(bytes, createGunzip(), limitBytes);
  if (isWhole || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[3] !== 0) return all;
  const { bytes: first } = await through(bytes.subarray(gzipHeaderBytes), createInflateRaw(), limitBytes);
  return first.length > all.length ? first : all;
}

interface Decoded {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/** All that comes before it breaks, ends, or is too much. Not by iterating: that loses what lies ready when an error comes. */
async function through(bytes: Buffer, decoder: Transform, limitBytes: number): Promise<Decoded> {
  const pieces: Buffer[] = [];
  let length = 0;
  const isWhole = await new Promise<boolean>((resolve) => {
    decoder.on('data', (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length >= limitBytes) decoder.destroy();
    });
    decoder.once('error', () => {
      resolve(false);
    });
    decoder.once('close', () => {
      resolve(true);
    });
    decoder.end(bytes);
  });
  return { bytes: Buffer.concat(pieces).subarray(0, limitBytes), isWhole };
}

function joined(parts: Iterable<Uint8Array>, limitBytes: number): Buffer {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (const piece of parts) {
    pieces.push(piece);
    length += piece.length;
    if (length >= limitBytes) break;
  }
  return Buffer.concat(pieces).subarray(0, limitBytes);
}
