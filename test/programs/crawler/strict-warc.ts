/** Reads WARC files as strictly as they are to be written: whatever is not as the standard has it is an error. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, inflateRawSync } from 'node:zlib';
import { digestOf } from '../../../src/programs/crawler/warc-file.ts';

export interface StrictRecord {
  readonly type: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly block: Buffer;
  readonly url: string | null;
  /** Of a response or revisit. */
  readonly status: number | null;
  /** Of a response: without head and chunks. */
  readonly payload: Buffer;
  readonly file: string;
  readonly offset: number;
}

/** Of all files in a folder; a member that was cut off at the end of a file is left out, as a reader would. */
export function readWarcs(folder: string): StrictRecord[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.warc.gz'));
  return names.toSorted().flatMap((name) => readWarc(readFileSync(join(folder, name)), name));
}

function readWarc(bytes: Buffer, file: string): StrictRecord[] {
  const records: StrictRecord[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const member = readMember(bytes, offset);
    if (member === null) break;
    records.push(parse(member.bytes, file, offset));
    offset = member.end;
  }
  return records;
}

/** A gzip member without name, comment and extra field, as zlib writes it. Null: it is cut off. */
function readMember(bytes: Buffer, offset: number): { readonly bytes: Buffer; readonly end: number } | null {
  assert.equal(bytes.subarray(offset, offset + 4).toString('hex'), '1f8b0800', `a gzip member at ${offset}`);
  try {
    const { buffer, engine } = inflateRawSync(bytes.subarray(offset + 10), {
      info: true,
      finishFlush: constants.Z_FINISH,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    const end = offset + 10 + engine.bytesWritten + 8;
    if (end > bytes.length) return null;
    assert.equal(bytes.readUInt32LE(end - 4), buffer.length % 2 ** 32, 'the length of the member');
    return { bytes: buffer, end };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR') return null;
    throw error;
  }
}

function parse(bytes: Buffer, file: string, offset: number): StrictRecord {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const [version, ...lines] = bytes.subarray(0, headEnd).toString('utf8').split('\r\n');
  assert.equal(version, 'WARC/1.1');
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = /^([A-Za-z-]+): (.+)$/.exec(line) ?? [];
    assert.ok(name !== '' && !fields.has(name), `a field: ${line}`);
    fields.set(name, value);
  }
  const field = (name: string): string =>
    fields.get(name) ?? assert.fail(`${name} is absent in ${file} at ${offset}`);
  const block = bytes.subarray(headEnd + 4, -4);
  assert.equal(bytes.subarray(-4).toString(), '\r\n\r\n');
  assert.equal(String(block.length), field('Content-Length'));
  assert.match(field('WARC-Record-ID'), /^<urn:uuid:[0-9a-f-]{36}>$/);
  assert.match(field('WARC-Date'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(field('WARC-Block-Digest'), digestOf(createHash('sha1').update(block)));
  const type = field('WARC-Type');
  const isAnswer = type === 'response' || type === 'revisit';
  const http = block.indexOf('\r\n\r\n');
  const status = isAnswer ? Number(/^HTTP\/1\.[01] (\d{3})/.exec(block.toString('latin1'))?.[1]) : null;
  const payload =
    type === 'response'
      ? payloadOf(block.subarray(0, http).toString('latin1'), block.subarray(http + 4))
      : Buffer.alloc(0);
  if (type === 'response')
    assert.equal(field('WARC-Payload-Digest'), digestOf(createHash('sha1').update(payload)));
  if (type === 'revisit') {
    assert.equal(field('WARC-Profile'), 'http://netpreserve.org/warc/1.1/revisit/identical-payload-digest');
    for (const name of ['WARC-Refers-To-Target-URI', 'WARC-Refers-To-Date', 'WARC-Payload-Digest'])
      field(name);
  }
  if (type === 'request') field('WARC-Concurrent-To');
  const url = fields.get('WARC-Target-URI') ?? null;
  if (type !== 'warcinfo') assert.ok(url !== null && URL.canParse(url), `an address: ${url}`);
  return { type, fields, block, url, status, payload, file, offset };
}

function payloadOf(head: string, body: Buffer): Buffer {
  if (!/^transfer-encoding:.*chunked\s*$/im.test(head)) return body;
  const parts: Buffer[] = [];
  for (let rest = body; ;) {
    const end = rest.indexOf('\r\n');
    const length = Number.parseInt(rest.subarray(0, end).toString('latin1'), 16);
    if (length === 0) return Buffer.concat(parts);
    parts.push(rest.subarray(end + 2, end + 2 + length));
    rest = rest.subarray(end + 2 + length + 2);
  }
}
