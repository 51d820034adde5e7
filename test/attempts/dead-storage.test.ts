/** What happens to a crawl when the sshfs mount under it breaks. Needs sshfs and the right to make a mount namespace. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { classifyAttempt } from '../../src/core/attempts/classify.ts';
import type { SceneResult } from './dead-storage-scene.ts';

const unshare = process.getuid?.() === 0 ? ['-m'] : ['-U', '-r', '-m'];
unshare.push('--propagation', 'private');
const isPossible =
  existsSync('/usr/bin/sshfs') &&
  existsSync('/usr/lib/openssh/sftp-server') &&
  existsSync('/dev/fuse') &&
  spawnSync('unshare', [...unshare, 'true']).status === 0;
const options = { skip: isPossible ? false : 'needs sshfs, sftp-server, /dev/fuse and mount namespaces' };

async function play(fault: string): Promise<SceneResult> {
  const scene = fileURLToPath(new URL('dead-storage-scene.ts', import.meta.url));
  const argv = [...unshare, process.execPath, scene, fault];
  const { stdout } = await promisify(execFile)('unshare', argv, { timeout: 60_000 });
  return JSON.parse(stdout) as SceneResult;
}

test('sshfs is killed: the crawl ends at once instead of loading the site for nothing', options, async () => {
  const { record, hitsAfterFault, endedAfterMs } = await play('kill');
  assert.ok(record);
  assert.ok(record.storageErrnos.includes('ENOTCONN'));
  assert.ok(hitsAfterFault < 20, `${hitsAfterFault} requests`);
  assert.ok(endedAfterMs !== null && endedAfterMs < 4000);
  const end = { record, reason: 'none', storageAfter: null, crawler: 'http' } as const;
  assert.equal(classifyAttempt(end).outcome, 'infra_error');
});

test('the storage box is full: an infra error, whatever sshfs calls it', options, async () => {
  const { record } = await play('fill');
  assert.ok(record);
  assert.ok(record.storageErrnos.length > 0);
  const end = { record, reason: 'none', storageAfter: null, crawler: 'http' } as const;
  assert.equal(classifyAttempt(end).outcome, 'infra_error');
});

test('sshfs is frozen: every call of the handle returns, nobody is waited for', options, async () => {
  const { record, hitsAfterFault, slowestCallMs } = await play('freeze');
  assert.equal(record, null);
  assert.ok(hitsAfterFault < 20, `${hitsAfterFault} requests`);
  assert.ok(slowestCallMs < 200, `${slowestCallMs} ms`);
});
