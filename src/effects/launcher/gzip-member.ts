/** Whether a gzip member (RFC 1952), such as one record of a WARC file, is there completely and undamaged. */
import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { open } from 'node:fs/promises';

const HAS_HEADER_CHECKSUM = 2;
const HAS_EXTRA_FIELD = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;
const FIXED_HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
/** wget's extra field has 12 bytes; no WARC writer comes near this. */
const MAX_HEADER_BYTES = 1024;

/** False when there is no such file. Throws Node's system errors when it can't be read. */
export async function isCompleteMember(path: string, offset: number): Promise<boolean> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return false;
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(MAX_HEADER_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, offset);
    const headerBytes = headerLength(head.subarray(0, bytesRead));
    if (headerBytes === null) return false;

    const inflate = createInflateRaw();
    let crc = 0;
    let inflatedBytes = 0;
    const source = createReadStream(path, { start: offset + headerBytes });
    try {
      await pipeline(source, inflate, async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          crc = crc32(chunk, crc);
          inflatedBytes += chunk.length;
        }
      });
    } catch (error) {
      if (isInflateError(error)) return false;
      // The stream is closed by us once the member has ended, although the file goes on.
      if (!isPrematureClose(error)) throw error;
    }
    const trailer = Buffer.alloc(TRAILER_BYTES);
    const trailerAt = offset + headerBytes + inflate.bytesWritten;
    const { bytesRead: trailerBytes } = await file.read(trailer, 0, TRAILER_BYTES, trailerAt);
    return (
      trailerBytes === TRAILER_BYTES &&
      trailer.readUInt32LE(0) === crc &&
      trailer.readUInt32LE(4) === inflatedBytes % 2 ** 32
    );
  } finally {
    await file.close();
  }
}

/** Null when no complete gzip header stands here. */
function headerLength(head: Buffer): number | null {
  if (head.length < FIXED_HEADER_BYTES || head[0] !== 0x1f || head[1] !== 0x8b || head[2] !== 8) return null;
  const flags = head[3] ?? 0;
  let length = FIXED_HEADER_BYTES;
  if (flags & HAS_EXTRA_FIELD) {
    if (head.length < length + 2) return null;
    length += 2 + head.readUInt16LE(length);
  }
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if (!(flags & flag)) continue;
    const end = head.indexOf(0, length);
    if (end === -1) return null;
    length = end + 1;
  }
  if (flags & HAS_HEADER_CHECKSUM) length += 2;
  return length <= head.length ? length : null;
}

function isInflateError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
