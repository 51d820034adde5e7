import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  parseMountinfo,
  parseMountinfoLine,
  unescapeMountField,
  type Mount,
} from '../../../src/core/storage/mountinfo.ts';
import { escapeMountField } from './mount-fixture.ts';

/** Lines as kernels write them, and what must be read from them. */
const lines: readonly (readonly [string, string, Partial<Mount>])[] = [
  [
    'ext4 root, one optional field (5.10)',
    '26 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
    { id: 26, parentId: 1, root: '/', mountPoint: '/', fstype: 'ext4', source: '/dev/sda1', isShared: true },
  ],
  [
    'sshfs (6.1)',
    '64 43 0:40 / /srv/healtharchive/storagebox rw,nosuid,nodev,relatime - fuse.sshfs u1@box:/home rw,user_id=0,group_id=0,allow_other',
    {
      fstype: 'fuse.sshfs',
      source: 'u1@box:/home',
      isShared: false,
      superOptions: ['rw', 'user_id=0', 'group_id=0', 'allow_other'],
    },
  ],
  [
    'bind mount of a directory of it, slave and shared',
    '65 43 0:40 /jobs/hc /srv/jobs/hc rw,nosuid,nodev,relatime shared:40 master:2 - fuse.sshfs u1@box:/home rw',
    { root: '/jobs/hc', mountPoint: '/srv/jobs/hc', options: ['rw', 'nosuid', 'nodev', 'relatime'] },
  ],
  [
    'three optional fields (propagate_from)',
    '71 43 0:50 / /mnt/x rw master:2 propagate_from:1 shared:3 - tmpfs none rw',
    { fstype: 'tmpfs', source: 'none', isShared: true },
  ],
  [
    'empty source',
    '72 43 0:51 / /mnt/y rw - tmpfs  rw,size=4k',
    { source: '', superOptions: ['rw', 'size=4k'] },
  ],
  [
    'octal escapes in root, mount point and source',
    '73 43 0:52 /a\\040b /mnt/tab\\011nl\\012bs\\134040 rw - ext4 /dev/mapper/a\\040b\\043 rw',
    { root: '/a b', mountPoint: '/mnt/tab\tnl\nbs\\040', source: '/dev/mapper/a b#' },
  ],
  [
    'a source whose blanks the driver did not escape (WSL)',
    '74 43 0:53 / /mnt/c rw,noatime - 9p C:\\134Program Files rw,dirsync,aname=drvfs',
    { fstype: '9p', source: 'C:\\Program Files', superOptions: ['rw', 'dirsync', 'aname=drvfs'] },
  ],
  [
    'a mounted directory that was removed',
    '75 43 8:1 /srv/old\\040dir//deleted /mnt/z rw - ext4 /dev/sda1 rw',
    { root: '/srv/old dir', deleted: true },
  ],
  [
    'btrfs subvolume',
    '30 1 0:26 /@home /home rw,relatime shared:2 - btrfs /dev/nvme0n1p2 rw,space_cache=v2,subvolid=257,subvol=/@home',
    { root: '/@home', device: '0:26', fstype: 'btrfs' },
  ],
  [
    'a namespace file has a root that is no path',
    '31 1 0:4 net:[4026532281] /run/netns/lab rw shared:9 - nsfs nsfs rw',
    { root: 'net:[4026532281]', fstype: 'nsfs' },
  ],
  [
    'nfs4',
    '90 26 0:55 / /srv/jobs/nfs rw,relatime shared:50 - nfs4 nas:/export rw,vers=4.2,addr=192.0.2.1',
    { fstype: 'nfs4', source: 'nas:/export' },
  ],
  [
    'overlay in a container, no optional field',
    '600 599 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u,workdir=/w',
    { fstype: 'overlay', id: 600 },
  ],
  [
    'cgroup with a root outside the namespace',
    '40 39 0:29 /../.. /sys/fs/cgroup/systemd ro - cgroup cgroup rw,xattr,name=systemd',
    { root: '/../..', options: ['ro'] },
  ],
  [
    'UTF-8 in a mount point',
    '41 26 0:61 / /srv/santé/日本 rw - tmpfs tmpfs rw',
    { mountPoint: '/srv/santé/日本', deleted: false },
  ],
  ['a source that is a dash', '42 26 0:62 / /mnt/d rw - tmpfs - rw', { source: '-', fstype: 'tmpfs' }],
];

for (const [name, line, expected] of lines) {
  test(`mountinfo line: ${name}`, () => {
    const mount = parseMountinfoLine(line);
    assert.ok(mount);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(mount[key as keyof Mount], value, key);
    }
  });
}

const garbage = [
  '',
  ' ',
  '26',
  '26 1 8:1 / / rw',
  '26 1 8:1 / / rw - ext4',
  '26 1 8:1 / / rw - ext4 /dev/sda1',
  'x 1 8:1 / / rw - ext4 /dev/sda1 rw',
  '26 1 8.1 / / rw - ext4 /dev/sda1 rw',
  '26 1 8:1 / relative rw - ext4 /dev/sda1 rw',
];
for (const line of garbage) {
  test(`not a mountinfo line: ${JSON.stringify(line)}`, () => {
    assert.equal(parseMountinfoLine(line), undefined);
  });
}

test('lines that are no mounts are left out, the others kept', () => {
  const text = `garbage\n${lines.map(([, line]) => line).join('\n')}\n\n26 1 8:1`;
  assert.equal(parseMountinfo(text).length, lines.length);
});

test('property: no text makes the parser throw', () => {
  const fields = fc.array(
    fc.oneof(fc.string(), fc.constantFrom('-', '/', '1', '0:1', 'rw', '\\040', '\\777', '\\')),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fields.map((list) => list.join(' ')),
      ),
      (text) => {
        for (const mount of parseMountinfo(text)) assert.ok(mount.mountPoint.startsWith('/'));
      },
    ),
  );
});

test('property: what the kernel escapes is read back', () => {
  const hostile = fc.string({
    unit: fc.oneof(
      fc.constantFrom(' ', '\t', '\n', '\\', '#', '0', '4', '1', '-', ':'),
      fc.string({ maxLength: 1 }),
    ),
  });
  fc.assert(
    fc.property(hostile, hostile, hostile, (root, mountPoint, source) => {
      assert.equal(unescapeMountField(escapeMountField(root)), root);
      fc.pre(!`/${root}`.endsWith('//deleted'));
      const line = `7 1 0:9 /${escapeMountField(root)} /${escapeMountField(mountPoint)} rw - fuse.x ${escapeMountField(source)} rw`;
      const mount = parseMountinfoLine(line);
      assert.equal(mount?.root, `/${root}`);
      assert.equal(mount.mountPoint, `/${mountPoint}`);
      assert.equal(mount.source, source);
    }),
  );
});
