import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findShadowedData } from '../../src/effects/find-shadowed-data.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'shadowed-')));
after(() => {
  rmSync(root, { recursive: true });
});

const many = Array.from({ length: 2000 }, (_, index) => join(root, 'hc', String(index)));

test('what lies in thousands of directories, in one look; what is absent, or no directory, holds nothing', async () => {
  for (const path of many) mkdirSync(path, { recursive: true });
  mkdirSync(join(root, 'hc/7/deep/er'), { recursive: true });
  writeFileSync(join(root, 'hc/7/deep/er/a'), '1234');
  writeFileSync(join(root, 'hc/7/b'), '5');
  mkdirSync(join(root, 'elsewhere'));
  writeFileSync(join(root, 'elsewhere/c'), '6');
  symlinkSync('../elsewhere', join(root, 'hc/link'));
  writeFileSync(join(root, 'hc/file'), '7');
  const others = ['hc/link', 'hc/file', 'hc/absent', 'absent/below'].map((name) => join(root, name));
  const found = await findShadowedData(root, [...many, ...others], { timeoutMs: 10_000, stuckDir: null });
  assert.deepEqual(
    [...found],
    [[join(root, 'hc/7'), { kind: 'files', files: 2, bytes: 5, isAtLeast: false }]],
  );
});

test('what there was no time for is not called data', async () => {
  const found = await findShadowedData(root, many, { timeoutMs: 0, stuckDir: null });
  assert.equal(found.size, many.length);
  for (const [path, shadowed] of found) assert.equal(shadowed.kind, 'uncounted', path);
});

test('nothing is told of what lies outside the jobs root', async () => {
  const found = await findShadowedData(join(root, 'hc'), [join(root, 'elsewhere')], {
    timeoutMs: 10_000,
    stuckDir: null,
  });
  assert.deepEqual([...found], []);
});
