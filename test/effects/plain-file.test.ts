import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPlainFile } from '../../src/effects/small-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'healtharchive-plain-'));
after(() => {
  rmSync(dir, { recursive: true });
});
const file = join(dir, 'file');
writeFileSync(file, 'text');

test('reads a file, and one behind a link only where links are followed', () => {
  const link = join(dir, 'link');
  symlinkSync(file, link);
  assert.equal(readPlainFile(file, { followLinks: false }), 'text');
  assert.equal(readPlainFile(link, { followLinks: true }), 'text');
  assert.throws(() => readPlainFile(link, { followLinks: false }), { code: 'ELOOP' });
});

test('what is no plain file holds nobody up', { timeout: 5000 }, () => {
  const fifo = join(dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  for (const followLinks of [true, false]) {
    assert.throws(() => readPlainFile(fifo, { followLinks }), { code: 'EINVAL' });
    assert.throws(() => readPlainFile(dir, { followLinks }), { code: 'EISDIR' });
    assert.throws(() => readPlainFile(join(dir, 'none'), { followLinks }), { code: 'ENOENT' });
  }
});

test('one that is too large is not read', () => {
  const large = join(dir, 'large');
  writeFileSync(large, '');
  truncateSync(large, 65 * 1024 * 1024);
  assert.throws(() => readPlainFile(large, { followLinks: true }), { code: 'EFBIG' });
});
