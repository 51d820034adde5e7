import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MountTable } from '../../../src/core/storage/mount-table.ts';
import type { Mount } from '../../../src/core/storage/mountinfo.ts';
import { hostText, mountTable } from './mount-fixture.ts';

function idsOf(mounts: readonly Mount[]): number[] {
  return mounts.map((mount) => mount.id);
}

test('the mount that covers a path', () => {
  const table = mountTable(hostText);
  assert.equal(table.covering('/')?.id, 26);
  assert.equal(table.covering('/srv/ha/jobs')?.id, 26);
  assert.equal(table.covering('/srv/ha/jobs/hc')?.id, 65);
  assert.equal(table.covering('/srv/ha/jobs/hc/2026/x')?.id, 65);
  assert.equal(table.covering('/srv/ha/jobs/hc2')?.id, 26, 'a longer name is no path below');
  assert.equal(table.topmostAt('/srv/ha/jobs/hc')?.id, 65);
  assert.equal(table.topmostAt('/srv/ha/jobs/hc/2026'), undefined);
});

test('layers stacked at one path: the topmost one answers', () => {
  const table = mountTable(`${hostText}
    70 65 0:41 /jobs/hc /srv/ha/jobs/hc rw - fuse.sshfs u1@box:/ rw
    71 70 0:42 / /srv/ha/jobs/hc rw - tmpfs tmpfs rw`);
  assert.deepEqual(idsOf(table.stackAt('/srv/ha/jobs/hc')), [65, 70, 71]);
  assert.equal(table.covering('/srv/ha/jobs/hc/x')?.id, 71);
});

test('a later mount on a parent hides what was mounted below it', () => {
  const table = mountTable(`${hostText}
    80 26 0:50 / /srv/ha rw - tmpfs tmpfs rw`);
  assert.equal(table.covering('/srv/ha/jobs/hc')?.id, 80);
  assert.equal(table.topmostAt('/srv/ha/jobs/hc'), undefined);
  assert.equal(table.isReachable(table.onSuperblock('0:40')[1] ?? root), false);
  assert.deepEqual(idsOf(table.below('/srv')), [80]);
});

test('a mount stacked over a mount point hides what was mounted inside the lower layer', () => {
  const table = mountTable(`
    26 1 8:1 / / rw - ext4 /dev/sda1 rw
    30 26 0:30 / /a rw - tmpfs one rw
    31 30 0:31 / /a/b rw - tmpfs two rw
    32 30 0:32 / /a rw - tmpfs three rw`);
  assert.equal(table.covering('/a/b')?.id, 32);
  assert.deepEqual(idsOf(table.below('/a')), []);
  assert.deepEqual(idsOf(table.chain('/a/b')), [26, 30, 32]);
});

test('an earlier mount below a directory stays reachable when the later one is on another branch', () => {
  const table = mountTable(`
    26 1 8:1 / / rw - ext4 /dev/sda1 rw
    31 26 0:31 / /a/b/c rw - tmpfs deep rw
    32 26 0:32 / /a/bb rw - tmpfs beside rw`);
  assert.equal(table.covering('/a/b/c')?.id, 31);
  assert.deepEqual(idsOf(table.below('/a')), [31, 32]);
});

test('a job below a mount point, on a mount of its own', () => {
  const table = mountTable(`${hostText}
    90 65 0:60 / /srv/ha/jobs/hc/2026 rw - nfs4 nas:/x rw`);
  assert.deepEqual(idsOf(table.chain('/srv/ha/jobs/hc/2026/warcs')), [26, 65, 90]);
  assert.deepEqual(idsOf(table.below('/srv/ha/jobs/hc')), [90]);
});

test('a mount over / is not entered: walks begin in the root itself', () => {
  const table = mountTable(`${hostText}
    99 26 0:70 / / rw - tmpfs tmpfs rw`);
  assert.equal(table.covering('/srv/ha/jobs/hc')?.id, 65);
});

test('a chroot without a root mount, a rootfs that is its own parent, no table at all', () => {
  assert.equal(mountTable('65 26 0:40 / /x rw - tmpfs t rw').covering('/x/y')?.id, 65);
  assert.equal(mountTable('1 1 0:1 / / rw - rootfs rootfs rw').covering('/x')?.id, 1);
  assert.equal(mountTable('').covering('/x'), undefined);
});

test('all mounts of a superblock', () => {
  assert.deepEqual(idsOf(mountTable(hostText).onSuperblock('0:40')), [64, 65, 66]);
});

/**
 * Mounts and unmounts as the kernel does them, on a tree of few names, so that stacking and hiding are frequent.
 */
class MountModel {
  readonly mounts: Mount[] = [root];

  /** What the kernel does with mount(2): the new mount's parent is whatever answers for the path. */
  mountAt(path: string): void {
    const parentId = this.whatAnswers(path).id;
    const id = 100 + this.mounts.length;
    this.mounts.push({ ...root, id, parentId, device: `0:${id}`, mountPoint: path });
  }

  /** Walks name by name, as path_resolution(7) says, without any index. */
  whatAnswers(path: string): Mount {
    let current = root;
    let walked = '';
    for (const name of path.split('/').slice(1)) {
      walked += `/${name}`;
      for (;;) {
        const inside = current.id;
        const next = this.mounts.find((mount) => mount.parentId === inside && mount.mountPoint === walked);
        if (!next) break;
        current = next;
      }
    }
    return current;
  }
}

const root: Mount = {
  id: 26,
  parentId: 1,
  device: '8:1',
  root: '/',
  mountPoint: '/',
  options: [],
  fstype: 'ext4',
  source: '',
  superOptions: [],
  isShared: false,
  deleted: false,
};

test('property: the table answers as a walk name by name does', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 })
    .map((names) => '/' + names.join('/'));
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), path, (mountPoints, asked) => {
      const model = new MountModel();
      for (const mountPoint of mountPoints) model.mountAt(mountPoint);
      const table = new MountTable(model.mounts);
      const answer = model.whatAnswers(asked);
      assert.equal(table.covering(asked)?.id, answer.id);
      assert.ok(table.isReachable(answer));
      for (const mount of table.below(asked)) assert.ok(mount.mountPoint.startsWith(`${asked}/`));
      assert.equal(table.topmostAt(asked)?.id, answer.mountPoint === asked ? answer.id : undefined);
    }),
  );
});

test('property: parents in a circle do not make it walk for ever', () => {
  const mount = fc.record({
    id: fc.integer({ min: 1, max: 5 }),
    parentId: fc.integer({ min: 1, max: 5 }),
    mountPoint: fc.constantFrom('/', '/a', '/a/b'),
  });
  fc.assert(
    fc.property(fc.array(mount), (mounts) => {
      new MountTable(mounts.map((fields) => ({ ...root, ...fields }))).chain('/a/b/c');
    }),
  );
});
