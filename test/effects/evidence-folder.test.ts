import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EvidenceFolder } from '../../src/effects/evidence-folder.ts';

const now = Date.UTC(2026, 0, 6, 12);

function stateFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return join(folder, 'evidence');
}

function take(root: string, atMs: number, tag: string | null = null): string {
  const folder = new EvidenceFolder(root, atMs, tag);
  folder.write('mounts.txt', Buffer.from('x\n'));
  folder.finish();
  return folder.path;
}

test('a folder gets its name when it is whole', (t) => {
  const root = stateFolder(t);
  const folder = new EvidenceFolder(root, now, 'stale');
  folder.write('mounts.txt', Buffer.from('x\n'));
  assert.equal(existsSync(folder.path), false);
  folder.finish();
  assert.equal(folder.path, join(root, '20260106T120000.000Z-stale'));
  assert.equal(readFileSync(join(folder.path, 'mounts.txt'), 'utf8'), 'x\n');
});

test('the newest twenty stay, those that were cut off count too', (t) => {
  const root = stateFolder(t);
  new EvidenceFolder(root, now - 1, null).write('mounts.txt', Buffer.from('cut off'));
  const paths = Array.from({ length: 25 }, (_, index) =>
    take(root, now + index * 1000, index % 2 === 0 ? null : 'tag'),
  );
  assert.deepEqual(
    readdirSync(root).map((name) => join(root, name)),
    paths.slice(5),
  );
});

test('what others put there stays, and a link leads nowhere', (t) => {
  const root = stateFolder(t);
  const elsewhere = join(root, '..', 'elsewhere');
  mkdirSync(elsewhere, { recursive: true });
  mkdirSync(root);
  writeFileSync(join(elsewhere, 'precious'), '');
  symlinkSync(elsewhere, join(root, '20250101T000000.000Z'));
  mkdirSync(join(root, '20250102T000000.000Z'));
  writeFileSync(join(root, '20250102T000000.000Z', 'NOTES'), 'mine');
  writeFileSync(join(root, 'notes'), 'mine');
  for (let index = 0; index < 25; index++) take(root, now + index * 1000);
  assert.equal(existsSync(join(elsewhere, 'precious')), true);
  assert.equal(existsSync(join(root, '20250102T000000.000Z', 'NOTES')), true);
  assert.equal(existsSync(join(root, 'notes')), true);
});

test('nothing is overwritten', (t) => {
  const root = stateFolder(t);
  const folder = new EvidenceFolder(root, now, null);
  folder.write('mounts.txt', Buffer.from('x'));
  assert.throws(() => {
    folder.write('mounts.txt', Buffer.from('y'));
  }, /EEXIST/);
});
