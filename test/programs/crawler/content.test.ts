/** Bodies without their content encodings, as far as links are read in them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { decodedContent } from '../../../src/programs/crawler/content.ts';

const page = Buffer.from('<a href="/next">next</a>'.repeat(2000));
/** Compresses badly, so that half of it decodes to something. */
const noise = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * index * 31) % 251));

describe('a body without its content encodings', () => {
  const whole: [encodings: string, bytes: Buffer][] = [
    ['', page],
    ['identity', page],
    ['gzip', gzipSync(page)],
    ['X-GZIP', gzipSync(page)],
    ['deflate', deflateSync(page)],
    ['deflate', deflateRawSync(page)],
    ['br', brotliCompressSync(page)],
    ['zstd', zstdCompressSync(page)],
    ['deflate, gzip', gzipSync(deflateSync(page))],
    ['gzip', Buffer.concat([gzipSync(page), Buffer.from('something behind it')])],
    ['gzip', page],
    ['br', page],
    ['no-such-coding', page],
  ];
  for (const [index, [encodings, bytes]] of whole.entries())
    test(`${index}: "${encodings}"`, async () => {
      assert.ok(page.equals(await decodedContent([bytes], encodings, 1_000_000)));
    });

  test('cut into pieces', async () => {
    const bytes = gzipSync(page);
    const pieces = [...bytes].map((byte) => Buffer.from([byte]));
    assert.ok(page.equals(await decodedContent(pieces, 'gzip', 1_000_000)));
  });

  for (const [encoding, compressed] of [
    ['gzip', gzipSync(noise)],
    ['deflate', deflateSync(noise)],
    ['br', brotliCompressSync(noise)],
  ] as const)
    test(`half of ${encoding}: what could be decoded`, async () => {
      const half = await decodedContent([compressed.subarray(0, compressed.length / 2)], encoding, 1_000_000);
      assert.ok(half.length < noise.length);
      assert.ok(half.length > 0 && half.equals(noise.subarray(0, half.length)));
    });

  test('a small body that decodes to very much is read up to the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    assert.equal((await decodedContent([bomb], 'gzip', 1_000_000)).length, 1_000_000);
  });
});
