/** A body without its content encodings, for reading links in it; what is archived keeps them. */
import { Readable, type Transform } from 'node:stream';
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
  let bytes = await collected(Readable.from(parts), limitBytes);
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
      return await collected(through(bytes, createGunzip()), limitBytes);
    case 'deflate': {
      // With and without the zlib header: servers send both (RFC 9110, 8.4.1.2).
      const withHeader = await collected(through(bytes, createInflate()), limitBytes);
      return withHeader.length > 0
        ? withHeader
        : await collected(through(bytes, createInflateRaw()), limitBytes);
    }
    case 'br':
      return await collected(through(bytes, createBrotliDecompress()), limitBytes);
    case 'zstd':
      return await collected(through(bytes, createZstdDecompress()), limitBytes);
    default:
      return null;
  }
}

function through(bytes: Buffer, decoder: Transform): AsyncIterable<unknown> {
  return Readable.from([bytes]).pipe(decoder);
}

async function collected(stream: AsyncIterable<unknown>, limitBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of stream) {
      const bytes = piece as Buffer;
      pieces.push(bytes);
      length += bytes.length;
      if (length >= limitBytes) break;
    }
  } catch {
    // Broken here; what came before is good.
  }
  return Buffer.concat(pieces).subarray(0, limitBytes);
}
