import assert from 'node:assert/strict';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { judgeWriteCheck } from '../../src/core/storage/write-check.ts';
import { runCommand } from '../../src/effects/command.ts';
import { canonicalPaths, checkWritable, freeSpace } from '../../src/effects/storage-access.ts';
import { insidePrivateMounts } from './private-mounts.ts';
import { killAndWait, StorageBox } from './storage-box.ts';

if (insidePrivateMounts(import.meta.url)) {
  let box: StorageBox;

  before(async () => {
    box = await StorageBox.start({ sizeKiB: 512 });
    box.makeFolders('served/jobs', 'local');
    await box.mount('base', ['dcache_timeout=1']);
  });
  after(() => box.end());

  const options = () => ({ timeoutMs: 5000, stuckDir: box.path('run') });
  const sshfs = { fstype: 'fuse.sshfs', staleErrnos: ['ENOTCONN'] };

  async function stateOfWriting(name: string): Promise<string> {
    const check = await checkWritable(box.path(name), options());
    return (
      judgeWriteCheck(check, { ...sshfs, fstype: name.startsWith('base') ? 'fuse.sshfs' : 'tmpfs' })?.state ??
      'ok'
    );
  }

  async function remount(how: 'ro' | 'rw', name: string): Promise<void> {
    // Source and place together: with the place alone mount repeats the options of the mount table, among them the
    // owner's id as it is outside of a user namespace, which is refused inside.
    const result = await runCommand(['mount', '-o', `remount,${how}`, 'box', box.path(name)], {
      deadlineMs: 5000,
    });
    assert.equal(result.kind === 'exited' && result.code, 0, JSON.stringify(result));
  }

  test('a good file system: written, read back, and nothing left behind', async () => {
    assert.equal(await stateOfWriting('served'), 'ok');
    assert.equal(await stateOfWriting('base/jobs'), 'ok');
    assert.deepEqual(readdirSync(box.path('served/jobs')), []);
  });

  test('full: ENOSPC on the file system itself; through sshfs another errno, and no free space', async () => {
    writeFileSync(box.path('served/filler'), '');
    const filled = await runCommand(['dd', 'if=/dev/zero', `of=${box.path('served/filler')}`, 'bs=4k'], {
      deadlineMs: 5000,
    });
    assert.equal(filled.kind, 'exited');
    const direct = await checkWritable(box.path('served'), options());
    assert.deepEqual(direct, { kind: 'error', step: 'write', errno: 'ENOSPC', freeBytes: 0 });
    assert.equal(await stateOfWriting('served'), 'unwritable');
    assert.equal(await stateOfWriting('base/jobs'), 'unwritable');
    assert.deepEqual(await freeSpace(box.path('base'), options()), {
      kind: 'free',
      space: { bytes: 0, percent: 0 },
    });
    assert.deepEqual(readdirSync(box.path('served/jobs')), [], 'nothing is left behind');
    writeFileSync(box.path('served/filler'), '');
  });

  test('read-only: EROFS on the file system itself, and through sshfs', async () => {
    await remount('ro', 'served');
    const direct = await checkWritable(box.path('served'), options());
    assert.deepEqual(direct.kind === 'error' && [direct.step, direct.errno], ['create', 'EROFS']);
    assert.equal(await stateOfWriting('served'), 'unwritable');
    assert.equal(await stateOfWriting('base/jobs'), 'unwritable');
    await remount('rw', 'served');
    assert.equal(await stateOfWriting('base/jobs'), 'ok');
  });

  test('as another user', async (t) => {
    if (box.isPiped) {
      t.skip('a user namespace has no other user');
      return;
    }
    const asUser = { uid: 65534, gid: 65534 };
    const denied = await checkWritable(box.path('local'), { ...options(), asUser });
    assert.deepEqual(denied.kind === 'error' && [denied.step, denied.errno], ['create', 'EACCES']);
    assert.equal(judgeWriteCheck(denied, { ...sshfs, fstype: 'ext4' })?.state, 'denied');
    chmodSync(box.path('local'), 0o777);
    assert.deepEqual(await checkWritable(box.path('local'), { ...options(), asUser }), { kind: 'ok' });
    const noAllowOther = await checkWritable(box.path('base/jobs'), { ...options(), asUser });
    assert.equal(noAllowOther.kind === 'error' && noAllowOther.errno, 'EACCES');
  });

  test('an absent directory, a relative path, a canonical path', async () => {
    const absent = await checkWritable(box.path('absent'), options());
    assert.equal(absent.kind === 'error' && absent.errno, 'ENOENT');
    assert.equal((await checkWritable('relative', options())).kind, 'not_asked');
    const asked = [`${box.folder}/local/../served//jobs/x`, '/', 'relative', '/nowhere/at/all'];
    assert.deepEqual(await canonicalPaths(asked, options()), [
      { kind: 'canonical', path: box.path('served/jobs/x') },
      { kind: 'canonical', path: '/' },
      { kind: 'canonical', path: '/relative' },
      { kind: 'canonical', path: '/nowhere/at/all' },
    ]);
  });

  test('a dead mount', async () => {
    const dead = await box.mount('dead');
    await killAndWait(dead);
    const check = await checkWritable(box.path('dead'), options());
    assert.equal(check.kind === 'error' && check.errno, 'ENOTCONN');
    assert.equal(judgeWriteCheck(check, sshfs)?.state, 'dead');
    await box.unmount('dead', '-l');
  });
}
