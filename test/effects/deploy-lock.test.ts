import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deployLockState, hasSentinel } from '../../src/effects/automation-gates.ts';
import { tryLock } from '../../src/effects/flock.ts';

const dir = mkdtempSync(join(tmpdir(), 'healtharchive-locks-'));
after(() => {
  rmSync(dir, { recursive: true });
});

test('a deploy lock counts while somebody holds it, and for no other reason', async () => {
  const path = join(dir, 'deploy.lock');
  assert.equal(await deployLockState(path), 'free');
  writeFileSync(path, '');
  assert.equal(await deployLockState(path), 'free', 'a file that nobody holds');
  const lock = await tryLock(path, 'exclusive');
  assert.equal(await deployLockState(path), 'held');
  utimesSync(path, new Date(0), new Date(0));
  assert.equal(await deployLockState(path), 'held', 'a flock taken just now on an old file looks old');
  lock?.release();
  assert.equal(await deployLockState(path), 'free');
});

test('what is no plain file in the place of the deploy lock is not known, and not made anew', async () => {
  const link = join(dir, 'link');
  symlinkSync(join(dir, 'elsewhere'), link);
  assert.equal(await deployLockState(link), 'unknown');
  mkdirSync(join(dir, 'folder'));
  assert.equal(await deployLockState(join(dir, 'folder')), 'unknown');
  assert.equal(await deployLockState(join(dir, 'deploy.lock', 'below-a-file')), 'unknown');
  assert.equal(existsSync(join(dir, 'elsewhere')), false);
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
