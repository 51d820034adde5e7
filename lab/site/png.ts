/** A real PNG made of deterministic noise, so that every image of the lab's web site has its own payload digest. */
import { crc32, deflateSync } from 'node:zlib';
import { numbersFrom } from './text.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREY_8_BIT = [8, 0, 0, 0, 0];

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'ascii'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, check]);
}

/** A grey square of `side` by `side` pixels; about side² bytes, since noise does not compress. */
export function noisePng(seed: number, side: number): Buffer {
  const next = numbersFrom(seed);
  const rows = Buffer.alloc(side * (side + 1));
  for (let row = 0; row < side; row += 1) {
    for (let column = 1; column <= side; column += 1) {
      rows[row * (side + 1) + column] = Math.floor(next() * 256);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set(GREY_8_BIT, 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
