import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeBase, locateBase } from '../../../src/core/storage/base.ts';
import { isNetworkFileSystem } from '../../../src/core/storage/network-file-system.ts';
import type { Lookup } from '../../../src/core/storage/lookup.ts';
import type { StorageState } from '../../../src/core/storage/path-state.ts';
import { judgeWriteCheck, type WriteCheck } from '../../../src/core/storage/write-check.ts';
import { hostText, mountTable } from './mount-fixture.ts';

const present: Lookup = { kind: 'answered', path: 'directory' };
const cases: readonly (readonly [string, string, Lookup, StorageState])[] = [
  ['mounted and answering', hostText, present, 'healthy'],
  ['dead', hostText, { kind: 'error', errno: 'ENOTCONN' }, 'dead'],
  ['server out of reach', hostText, { kind: 'error', errno: 'EIO' }, 'degraded'],
  ['hung', hostText, { kind: 'timed_out' }, 'hung'],
  ['not mounted: the empty local directory answers', hostText.replace(/^ *64 .*$/m, ''), present, 'missing'],
  [
    'only a local disk of its own is mounted there',
    hostText.replace('0:40 / /srv/ha/box rw,nosuid,nodev - fuse.sshfs', '8:2 / /srv/ha/box rw - xfs'),
    present,
    'missing',
  ],
  [
    'something lies over it',
    `${hostText}\n 70 64 0:50 / /srv/ha/box rw - tmpfs t rw`,
    present,
    'wrong_source',
  ],
  ['read-only', hostText.replace('/srv/ha/box rw', '/srv/ha/box ro'), present, 'unwritable'],
];
for (const [name, text, lookup, state] of cases) {
  test(`state of the base: ${name}`, () => {
    const table = mountTable(text);
    const base = locateBase(table, '/srv/ha/box', 'fuse.sshfs');
    const verdict = judgeBase(base, table, lookup, { staleErrnos: ['ENOTCONN'], waitingRequests: null });
    assert.equal(verdict.state, state, verdict.reason);
  });
}

test('file systems that can hang or die while mounted', () => {
  for (const type of [
    'fuse.sshfs',
    'fuse.rclone',
    'nfs',
    'nfs4',
    'cifs',
    'smb3',
    '9p',
    'ceph',
    'fuse',
    'virtiofs',
  ]) {
    assert.ok(isNetworkFileSystem(type), type);
  }
  for (const type of [
    'ext4',
    'xfs',
    'btrfs',
    'zfs',
    'overlay',
    'tmpfs',
    'fuseblk',
    'fusectl',
    'vfat',
    'nfsd',
    '',
  ]) {
    assert.ok(!isNetworkFileSystem(type), type);
  }
});

const sshfs = { fstype: 'fuse.sshfs', staleErrnos: ['ENOTCONN'] };
const writes: readonly (readonly [WriteCheck, string, StorageState | undefined])[] = [
  [{ kind: 'ok' }, 'ext4', undefined],
  [{ kind: 'error', step: 'write', errno: 'ENOSPC', freeBytes: 0 }, 'ext4', 'unwritable'],
  [{ kind: 'error', step: 'write', errno: 'EDQUOT', freeBytes: 4096 }, 'nfs4', 'unwritable'],
  [{ kind: 'error', step: 'create', errno: 'EROFS', freeBytes: 4096 }, 'ext4', 'unwritable'],
  [{ kind: 'error', step: 'create', errno: 'EPERM', freeBytes: 4096 }, 'fuse.sshfs', 'unwritable'],
  [{ kind: 'error', step: 'create', errno: 'EPERM', freeBytes: 4096 }, 'ext4', 'denied'],
  [{ kind: 'error', step: 'create', errno: 'EACCES', freeBytes: 0 }, 'fuse.sshfs', 'denied'],
  [{ kind: 'error', step: 'sync', errno: 'EIO', freeBytes: 0 }, 'fuse.sshfs', 'unwritable'],
  [{ kind: 'error', step: 'sync', errno: 'EIO', freeBytes: null }, 'fuse.sshfs', 'degraded'],
  [{ kind: 'error', step: 'create', errno: 'ENOTCONN', freeBytes: null }, 'fuse.sshfs', 'dead'],
  [{ kind: 'corrupt' }, 'fuse.sshfs', 'unknown'],
  [{ kind: 'timed_out', step: 'sync' }, 'fuse.sshfs', 'hung'],
  [{ kind: 'still_blocked', pid: 7 }, 'fuse.sshfs', 'hung'],
  [{ kind: 'not_asked', detail: 'busy' }, 'fuse.sshfs', 'unknown'],
];
for (const [check, fstype, state] of writes) {
  test(`a write check on ${fstype}: ${JSON.stringify(check)}`, () => {
    assert.equal(judgeWriteCheck(check, { ...sshfs, fstype })?.state, state);
  });
}
