/** Which records of earlier attempts a later one may refer to. The working directory is the output directory, as in the launcher. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CDX_HEADER } from '../../src/core/crawler/cdx.ts';
import { DedupFile } from '../../src/effects/launcher/dedup-file.ts';
import { cdxFilesOf, readTrustedEntries } from '../../src/effects/launcher/earlier-archive.ts';
import { isCompleteMember } from '../../src/effects/launcher/gzip-member.ts';

const WARC = 'warcs/1-001-00000.warc.gz';
const CDX = 'warcs/1-001.cdx';
const home = process.cwd();
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healtharchive-earlier-'));
  process.chdir(folder);
  mkdirSync('warcs');
  mkdirSync('attempts/001', { recursive: true });
});

afterEach(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

interface Written {
  readonly offsets: number[];
  readonly size: number;
}

/** A WARC file of `count` records with a CDX, whose attempt ended with everything synced or not. */
function writeArchive(count: number, isSynced: boolean): Written {
  const members = Array.from({ length: count }, (_, index) =>
    gzipSync(`record ${index} ${'x'.repeat(index * 7)}`),
  );
  const offsets: number[] = [];
  let size = 0;
  for (const member of members) {
    offsets.push(size);
    size += member.length;
  }
  writeFileSync(WARC, Buffer.concat(members));
  const lines = offsets.map((offset, index) => cdxLine(index, offset));
  writeFileSync(CDX, `${CDX_HEADER}\n${lines.join('\n')}\n`);
  const record = { archived: isSynced ? {} : null, storageErrnos: [], archiveUnwritable: false };
  writeFileSync('attempts/001/exit-record.json', JSON.stringify(record));
  return { offsets, size };
}

function cdxLine(index: number, offset: number): string {
  const url = `http://a.example/${index}`;
  const id = `<urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}>`;
  return `${url} 20261123175228 ${url} text/html 200 ${'A'.repeat(32)} - - ${offset} ${WARC} ${id}`;
}

async function trusted(): Promise<number[]> {
  const indexes: number[] = [];
  for (const name of cdxFilesOf('1')) {
    await readTrustedEntries(name, never, (entry) => {
      indexes.push(Number(entry.url.slice(entry.url.lastIndexOf('/') + 1)));
    });
  }
  return indexes;
}

const never = (): boolean => false;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

for (const isSynced of [true, false]) {
  test(`an undamaged archive counts completely (synced: ${isSynced})`, async () => {
    writeArchive(150, isSynced);
    assert.deepEqual(await trusted(), upTo(150));
  });

  test(`cut anywhere: exactly the records before the cut count (synced: ${isSynced})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), async (where) => {
        const { offsets, size } = writeArchive(100, isSynced);
        const cut = Math.floor(where * size);
        truncateSync(WARC, cut);
        const whole = offsets.filter((_, index) => (offsets[index + 1] ?? size) <= cut).length;
        assert.deepEqual(await trusted(), upTo(whole));
      }),
      { numRuns: 30 },
    );
  });

  test(`a CDX that ends in half a line (synced: ${isSynced})`, async () => {
    writeArchive(10, isSynced);
    writeFileSync(CDX, readFileSync(CDX).subarray(0, -20));
    assert.deepEqual(await trusted(), upTo(9));
  });

  test(`zeros at the end, as a power cut leaves them (synced: ${isSynced})`, async () => {
    const { offsets, size } = writeArchive(40, isSynced);
    const bytes = readFileSync(WARC);
    bytes.fill(0, offsets[30], size);
    writeFileSync(WARC, bytes);
    assert.deepEqual(await trusted(), upTo(30));
  });

  test(`no WARC file at all (synced: ${isSynced})`, async () => {
    writeArchive(5, isSynced);
    rmSync(WARC);
    assert.deepEqual(await trusted(), []);
  });
}

test('a hole between intact records, in an attempt that storage failed', async () => {
  const { offsets } = writeArchive(100, false);
  const bytes = readFileSync(WARC);
  bytes.fill(0, (offsets[20] ?? 0) + 5, offsets[23]);
  writeFileSync(WARC, bytes);
  assert.deepEqual(await trusted(), [...upTo(20), ...upTo(100).slice(23)]);
});

test('without an exit record each record is looked at', async () => {
  const { offsets } = writeArchive(100, true);
  rmSync('attempts/001/exit-record.json');
  const bytes = readFileSync(WARC);
  bytes.fill(0, offsets[20], offsets[21]);
  writeFileSync(WARC, bytes);
  assert.equal((await trusted()).includes(20), false);
});

test('what the CDX says of other jobs, other attempts and other folders does not count', async () => {
  writeArchive(3, true);
  writeFileSync('warcs/11-001.cdx', readFileSync(CDX));
  writeFileSync('warcs/1-002.cdx', readFileSync(CDX));
  writeFileSync('warcs/1-001-meta.cdx', readFileSync(CDX));
  assert.deepEqual(cdxFilesOf('1'), ['1-001.cdx', '1-002.cdx']);
  assert.deepEqual(await trusted(), upTo(3));
});

test('the order of attempts is by number', () => {
  for (const name of ['1-1000.cdx', '1-002.cdx', '1-002-10.cdx', '1-002-2.cdx'])
    writeFileSync(`warcs/${name}`, '');
  assert.deepEqual(cdxFilesOf('1'), ['1-002.cdx', '1-002-2.cdx', '1-002-10.cdx', '1-1000.cdx']);
});

test('the file for wget is the header and the lines that count, byte by byte', async () => {
  writeArchive(3, true);
  const text = readFileSync(CDX);
  await new DedupFile('dedup.cdx').add(cdxFilesOf('1'), never, () => undefined);
  assert.deepEqual(readFileSync('dedup.cdx'), text);
});

test('a later pass adds what is new and reads nothing twice', async () => {
  writeArchive(3, true);
  const file = new DedupFile('dedup.cdx');
  let entries = 0;
  const add = async (): Promise<void> => {
    await file.add(cdxFilesOf('1'), never, () => {
      entries += 1;
    });
  };
  await add();
  const before = readFileSync('dedup.cdx', 'latin1');
  writeFileSync('warcs/1-002.cdx', readFileSync(CDX, 'latin1').replaceAll('1-001-', '1-002-'));
  writeFileSync('warcs/1-002-00000.warc.gz', readFileSync(WARC));
  await add();
  await add();
  assert.equal(entries, 6);
  const after = readFileSync('dedup.cdx', 'latin1');
  assert.equal(after.startsWith(before), true);
  assert.equal(after.split('\n').length, 1 + 6 + 1);
});

for (const isSynced of [true, false]) {
  test(`a stop request ends the reading of a large archive early (synced: ${isSynced})`, async () => {
    writeArchive(5000, isSynced);
    const request = new AbortController();
    let entries = 0;
    await new DedupFile('dedup.cdx').add(
      cdxFilesOf('1'),
      () => request.signal.aborted,
      () => {
        // As a signal would: it is seen only when the event loop has a turn.
        if (entries === 0) {
          setImmediate(() => {
            request.abort();
          });
        }
        entries += 1;
      },
    );
    assert.ok(entries > 0 && entries < 2000, `${entries} entries were read`);
  });
}

/** A flipped bit between the end of the data and the checksum changes nothing, so zlib is asked. */
function inflates(bytes: Buffer): boolean {
  try {
    gunzipSync(bytes);
    return true;
  } catch {
    return false;
  }
}

test('a member with a byte changed is complete only if it still inflates to what was stored', async () => {
  const member = gzipSync('some text that is long enough to be compressed, compressed, compressed');
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: member.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        // Bytes 4 to 9 of the header (time, level, system) say nothing about the content; the flags must stay as they are.
        fc.pre(at < 3 || at > 9);
        const bytes = Buffer.from(member);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        writeFileSync('member.gz', bytes);
        assert.equal(await isCompleteMember('member.gz', 0), inflates(bytes));
      },
    ),
    { numRuns: 200 },
  );
  writeFileSync('member.gz', Buffer.concat([member, member]));
  assert.equal(await isCompleteMember('member.gz', 0), true);
  assert.equal(await isCompleteMember('member.gz', member.length), true);
});
