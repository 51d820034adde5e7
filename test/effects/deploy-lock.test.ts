import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deployLockState } from '../../src/effects/deploy-lock.ts';
import { tryLock } from '../../src/effects/flock.ts';
import { hasSentinel } from '../../src/effects/sentinel.ts';

const dir = mkdtempSync(join(tmpdir(), 'healtharchive-locks-'));
after(() => {
  rmSync(dir, { recursive: true });
});
const hourMs = 3_600_000;

test('a deploy lock counts while somebody holds it, and not for ever', async () => {
  const path = join(dir, 'deploy.lock');
  const state = async () => await deployLockState(path, hourMs, Date.now());
  assert.equal(await state(), 'free');
  writeFileSync(path, '');
  assert.equal(await state(), 'free', 'a file that nobody holds');
  const lock = await tryLock(path, 'exclusive');
  assert.equal(await state(), 'held');
  const age = (ms: number) => {
    utimesSync(path, new Date(), new Date(Date.now() + ms));
  };
  age(-2 * hourMs);
  assert.equal(await state(), 'stale');
  age(2 * hourMs);
  assert.equal(await state(), 'held', 'a stamp from the future counts as now');
  lock?.release();
  assert.equal(await state(), 'free');
});

test('a sentinel is a plain file', () => {
  const name = 'storage-hotpath-auto-recover-enabled';
  assert.equal(hasSentinel(dir, name), false);
  symlinkSync('/etc/passwd', join(dir, name));
  assert.equal(hasSentinel(dir, name), false);
  rmSync(join(dir, name));
  mkdirSync(join(dir, name));
  assert.equal(hasSentinel(dir, name), false);
  rmSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, name), '');
  assert.equal(hasSentinel(dir, name), true);
});
