/** WARC files as they are written, read by another implementation and, strictly, byte by byte. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { WARCParser } from 'warcio';
import {
  blockOf,
  digestOf,
  newRecordId,
  WarcFile,
  type WarcRecord,
} from '../../../src/programs/crawler/warc-file.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'warc-file-'));
});
after(() => {
  rmSync(folder, { recursive: true });
});

const response = (
  url: string,
  block: WarcRecord['block'],
  fields: WarcRecord['fields'] = [],
): WarcRecord => ({
  type: 'response',
  id: newRecordId(),
  date: '2026-01-02T03:04:05.678Z',
  contentType: 'application/http; msgtype=response',
  fields: [['WARC-Target-URI', url], ...fields],
  block,
});

describe('a WARC file', () => {
  test('has each record as a gzip member of its own, at the place that is told', async () => {
    const file = new WarcFile(join(folder, 'members.warc.gz'));
    const raw = Buffer.from(
      'HTTP/1.1 200 OK\r\nX-Odd :  as sent \r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n\x00\xff',
      'latin1',
    );
    const places = [];
    for (const url of ['https://a.example/1', 'https://a.example/2'])
      places.push(await file.append(response(url, blockOf(raw))));
    file.sync();
    file.close();
    const bytes = readFileSync(file.path);
    assert.equal(
      places.reduce((sum, { length }) => sum + length, 0),
      bytes.length,
    );
    for (const { offset, length } of places) {
      const record = gunzipSync(bytes.subarray(offset, offset + length)).toString('latin1');
      const [head, block] = [
        record.slice(0, record.indexOf('\r\n\r\n')),
        record.slice(record.indexOf('\r\n\r\n') + 4),
      ];
      assert.match(head, /^WARC\/1\.1\r\nWARC-Type: response\r\n/);
      assert.equal(block, `${raw.toString('latin1')}\r\n\r\n`, 'as it was sent');
      assert.match(head, new RegExp(`\\r\\nContent-Length: ${raw.length}$`));
    }
  });

  test('is read by another implementation', async () => {
    const file = new WarcFile(join(folder, 'read.warc.gz'));
    const body = Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\ngone');
    await file.append({
      ...response('', blockOf(Buffer.from('software: x\r\n'))),
      type: 'warcinfo',
      contentType: 'application/warc-fields',
      fields: [],
    });
    await file.append(
      response('https://a.example/é?x=<1>', blockOf(body), [['WARC-IP-Address', '192.0.2.1']]),
    );
    file.close();
    const seen: unknown[] = [];
    for await (const record of new WARCParser(createReadStream(file.path))) {
      const text = record.warcType === 'response' ? await record.contentText() : null;
      seen.push([record.warcType, record.warcTargetURI, record.httpHeaders?.statusCode ?? null, text]);
    }
    assert.deepEqual(seen, [
      ['warcinfo', null, null, null],
      ['response', 'https://a.example/é?x=<1>', 404, 'gone'],
    ]);
  });

  test('a block that is larger than what is compressed at once', async () => {
    const file = new WarcFile(join(folder, 'large.warc.gz'));
    const part = Buffer.alloc(1024 * 1024, 'a large body. ');
    const parts = Array.from({ length: 9 }, () => part);
    const hash = createHash('sha1');
    for (const each of parts) hash.update(each);
    const block = { length: 9 * part.length, digest: digestOf(hash), parts };
    const { offset, length } = await file.append(response('https://a.example/large', block));
    assert.deepEqual([offset, length], [0, file.length]);
    file.close();
    const record = gunzipSync(readFileSync(file.path));
    const begin = record.indexOf('\r\n\r\n') + 4;
    assert.ok(record.subarray(begin, begin + block.length).equals(Buffer.concat(parts)));
  });

  test('nothing that a server says ends a line', async () => {
    const file = new WarcFile(join(folder, 'lines.warc.gz'));
    await file.append(response('https://a.example/\r\nWARC-Type: request', blockOf(Buffer.alloc(0))));
    file.close();
    assert.match(
      gunzipSync(readFileSync(file.path)).toString(),
      /WARC-Target-URI: https:\/\/a\.example\/ WARC-Type: request\r\n/,
    );
  });

  test('a file that is there is not written over', () => {
    new WarcFile(join(folder, 'there.warc.gz')).close();
    assert.throws(() => new WarcFile(join(folder, 'there.warc.gz')), { code: 'EEXIST' });
  });
});

test('digests in base 32', () => {
  // RFC 4648 has these letters; the digest of nothing stands in millions of CDX files.
  assert.equal(digestOf(createHash('sha1')), 'sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ');
  assert.equal(blockOf(Buffer.from('abc')).digest, 'sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5');
});
