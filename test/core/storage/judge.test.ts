import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { locateBase } from '../../../src/core/storage/base.ts';
import type { Expectation, Past } from '../../../src/core/storage/expectation.ts';
import { judgePath } from '../../../src/core/storage/judge.ts';
import type { Lookup } from '../../../src/core/storage/lookup.ts';
import type { MountIdentity } from '../../../src/core/storage/mountinfo.ts';
import { type StorageState, storageStates } from '../../../src/core/storage/path-state.ts';
import { hostText, mountTable } from './mount-fixture.ts';

const present: Lookup = { kind: 'answered', path: 'directory' };
const absent: Lookup = { kind: 'answered', path: 'absent' };
const local: MountIdentity = { kind: 'local' };

function failing(errno: string): Lookup {
  return { kind: 'error', errno };
}

function bindOf(name: string): Expectation {
  return { kind: 'bind', mountPoint: `/srv/ha/jobs/${name}`, coldPath: `/srv/ha/box/jobs/${name}` };
}

const unitMount: Expectation = {
  kind: 'mount',
  mountPoint: '/srv/ha/jobs/own',
  unit: 'own.mount',
  identity: null,
};
const nothing: Expectation = { kind: 'nothing' };
const withoutBinds = hostText.replace(/^ *6[56] .*$/gm, '');
const withoutBase = hostText.replace(/^ *64 .*$/gm, '');
const remountedBase = hostText.replace('64 26 0:40', '64 26 0:44');
const ownNfs = `${hostText}\n 90 26 0:60 / /srv/ha/jobs/own rw - nfs4 nas:/own rw`;

interface Case {
  readonly name: string;
  readonly table?: string;
  readonly path?: string;
  readonly expects?: Expectation;
  readonly lookup?: Lookup;
  readonly past?: Past;
  readonly isResolved?: boolean;
  readonly stale?: readonly string[];
  readonly noBox?: true;
  readonly state: StorageState;
  readonly errno?: string;
  readonly reason?: RegExp;
}

const cases: readonly Case[] = [
  { name: 'the expected bind answers', state: 'healthy' },
  { name: 'dead sshfs', lookup: failing('ENOTCONN'), state: 'dead', errno: 'ENOTCONN' },
  { name: 'server out of reach', lookup: failing('EIO'), state: 'degraded', errno: 'EIO' },
  ...['ECONNABORTED', 'ETIMEDOUT', 'EHOSTDOWN', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNREFUSED', 'ESTALE'].map(
    (errno): Case => ({ name: errno, lookup: failing(errno), state: 'degraded', errno }),
  ),
  {
    name: 'ESTALE where the operator lists it as stale',
    lookup: failing('ESTALE'),
    stale: ['ENOTCONN', 'ESTALE'],
    state: 'dead',
    errno: 'ESTALE',
  },
  { name: 'no answer in time', lookup: { kind: 'timed_out' }, state: 'hung', reason: /2 requests/ },
  {
    name: 'an earlier probe still blocked',
    lookup: { kind: 'still_blocked', pid: 7 },
    state: 'hung',
    reason: /process 7/,
  },
  { name: 'EACCES', lookup: failing('EACCES'), state: 'denied', errno: 'EACCES' },
  { name: 'EPERM', lookup: failing('EPERM'), state: 'denied', errno: 'EPERM' },
  { name: 'ENOSPC', lookup: failing('ENOSPC'), state: 'unwritable', errno: 'ENOSPC' },
  { name: 'any other errno', lookup: failing('EUCLEAN'), state: 'unknown', errno: 'EUCLEAN' },
  { name: 'a file instead of a directory', lookup: failing('ENOTDIR'), state: 'unknown', errno: 'ENOTDIR' },
  {
    name: 'the probe could not be started',
    lookup: { kind: 'not_asked', detail: 'EAGAIN' },
    state: 'unknown',
    reason: /EAGAIN/,
  },
  { name: 'tiered, nothing mounted, the local directory answers', table: withoutBinds, state: 'missing' },
  {
    name: 'tiered, nothing mounted, directory absent',
    table: withoutBinds,
    lookup: absent,
    state: 'missing',
    reason: /absent/,
  },
  {
    name: 'tiered, nothing mounted, local directory not readable',
    table: withoutBinds,
    lookup: failing('EACCES'),
    state: 'missing',
  },
  {
    name: 'base gone too: an empty local directory answers',
    table: '26 1 8:1 / / rw - ext4 /dev/sda1 rw',
    state: 'missing',
  },
  { name: 'base gone, the bind outlived it', table: withoutBase, state: 'healthy', reason: /outlived/ },
  {
    name: 'base gone, a bind of another directory outlived it',
    table: withoutBase.replace('/jobs/hc /srv', '/other /srv'),
    state: 'wrong_source',
  },
  {
    name: 'base mounted anew, the bind is of its dead predecessor: dead before wrong',
    table: remountedBase,
    lookup: failing('ENOTCONN'),
    state: 'dead',
    errno: 'ENOTCONN',
  },
  {
    name: 'base mounted anew while the old one still serves the bind',
    table: remountedBase,
    state: 'wrong_source',
    reason: /0:40.*0:44/,
  },
  {
    name: 'bound from another directory',
    table: hostText.replace('/jobs/hc /srv', '/jobs/cihr /srv'),
    state: 'wrong_source',
  },
  {
    name: 'the directory it was bound from was removed here',
    table: hostText.replace('/jobs/hc /srv', '/jobs/hc//deleted /srv'),
    state: 'wrong_source',
    reason: /removed/,
  },
  {
    name: 'the directory it was bound from was removed on the server',
    lookup: absent,
    state: 'wrong_source',
    reason: /removed/,
  },
  {
    name: 'a local disk stacked over the bind',
    table: `${hostText}\n 70 65 8:1 /tmp /srv/ha/jobs/hc rw - ext4 /dev/sda1 rw`,
    state: 'wrong_source',
    reason: /ext4/,
  },
  {
    name: 'the good bind stacked over a dead one',
    table: `${remountedBase}\n 70 65 0:44 /jobs/hc /srv/ha/jobs/hc rw - fuse.sshfs u1@box:/ rw`,
    state: 'healthy',
    reason: /2 mounts/,
  },
  {
    name: 'mounted read-only',
    table: hostText.replace('/jobs/hc rw,nosuid', '/jobs/hc ro,nosuid'),
    state: 'unwritable',
    errno: 'EROFS',
  },
  {
    name: 'a symbolic link',
    path: '/srv/ha/jobs/x',
    expects: nothing,
    lookup: { kind: 'answered', path: 'symlink' },
    state: 'wrong_source',
  },
  { name: 'nothing expected, local', path: '/srv/ha/jobs/x', expects: nothing, state: 'healthy' },
  {
    name: 'nothing expected, directory not made yet',
    path: '/srv/ha/jobs/x',
    expects: nothing,
    lookup: absent,
    state: 'healthy',
    reason: /not made/,
  },
  {
    name: 'nothing expected, on a mount',
    path: '/srv/ha/jobs/own',
    table: ownNfs,
    expects: nothing,
    state: 'healthy',
  },
  {
    name: 'nothing expected, but on the box, which is not mounted',
    path: '/srv/ha/box/x',
    table: withoutBase,
    expects: nothing,
    state: 'missing',
  },
  {
    name: 'no storage box, nothing expected',
    path: '/srv/ha/jobs/x',
    expects: nothing,
    noBox: true,
    state: 'healthy',
  },
  {
    name: 'tiered, but outside the jobs root: never passes for a plain directory',
    path: '/srv/x',
    expects: { kind: 'unplaceable', mountPoint: '/srv/x' },
    state: 'missing',
  },
  {
    name: 'tiered, mounted, but outside the jobs root',
    expects: { kind: 'unplaceable', mountPoint: '/srv/ha/jobs/hc' },
    state: 'wrong_source',
  },
  {
    name: 'first ran on the local disk, still there',
    path: '/srv/ha/jobs/x',
    expects: { kind: 'identity', identity: local },
    state: 'healthy',
  },
  {
    name: 'first ran on the local disk, now on a mount',
    expects: { kind: 'identity', identity: local },
    state: 'wrong_source',
  },
  {
    name: 'first ran on a mount, which is gone',
    path: '/srv/ha/jobs/x',
    expects: { kind: 'identity', identity: { kind: 'mount', fstype: 'nfs4', source: 'nas:/own', root: '/' } },
    state: 'missing',
  },
  {
    name: 'first ran on a mount, another one is there',
    expects: { kind: 'identity', identity: { kind: 'mount', fstype: 'nfs4', source: 'nas:/own', root: '/' } },
    state: 'wrong_source',
  },
  {
    name: 'unit mount answers',
    path: '/srv/ha/jobs/own',
    table: ownNfs,
    expects: unitMount,
    state: 'healthy',
  },
  {
    name: 'unit mount not there',
    path: '/srv/ha/jobs/own',
    expects: unitMount,
    state: 'missing',
    reason: /own\.mount/,
  },
  {
    name: 'below a unit mount',
    path: '/srv/ha/jobs/own/2026',
    table: ownNfs,
    expects: unitMount,
    state: 'healthy',
  },
  {
    name: 'a bind of the box where a unit mount is expected',
    path: '/srv/ha/jobs/own',
    table: ownNfs.replace(/90 26 0:60 .*/, '90 26 0:40 /x /srv/ha/jobs/own rw - fuse.sshfs u1@box:/ rw'),
    expects: unitMount,
    state: 'wrong_source',
  },
  {
    name: 'a bind of the local disk where a unit mount is expected',
    path: '/srv/ha/jobs/own',
    table: ownNfs.replace(/90 26 0:60 .*/, '90 26 8:1 /tmp /srv/ha/jobs/own rw - ext4 /dev/sda1 rw'),
    expects: unitMount,
    state: 'wrong_source',
  },
  {
    name: 'unit mount of another source than the job ran on first',
    path: '/srv/ha/jobs/own',
    table: ownNfs,
    expects: { ...unitMount, identity: { kind: 'mount', fstype: 'nfs4', source: 'nas:/else', root: '/' } },
    state: 'wrong_source',
  },
  {
    name: 'below a bound directory, with a stray mount in between',
    path: '/srv/ha/jobs/hc/2026',
    table: `${hostText}\n 70 65 0:61 / /srv/ha/jobs/hc/2026 rw - tmpfs tmpfs rw`,
    expects: bindOf('hc'),
    state: 'wrong_source',
    reason: /lies over it/,
  },
  {
    name: 'tiered path below a dead mount: nothing can be mounted there before that one is repaired',
    path: '/srv/ha/jobs/hc/2026',
    expects: bindOf('hc/2026'),
    lookup: {
      kind: 'failed_at',
      mountPoint: '/srv/ha/jobs/hc',
      lookup: { kind: 'error', errno: 'ENOTCONN' },
    },
    state: 'dead',
    errno: 'ENOTCONN',
    reason: /seen at \/srv\/ha\/jobs\/hc/,
  },
  {
    name: 'tiered path whose links lead round in circles: nothing is to be mounted on what nobody can name',
    path: '/srv/ha/jobs/loop/../../ops',
    expects: bindOf('loop'),
    lookup: { kind: 'error', errno: 'ELOOP' },
    isResolved: false,
    state: 'unknown',
    errno: 'ELOOP',
    reason: /ELOOP/,
  },
];

function judge(c: Case) {
  const table = mountTable(c.table ?? hostText);
  return judgePath({
    path: c.path ?? '/srv/ha/jobs/hc',
    table,
    lookup: c.lookup ?? present,
    isResolved: c.isResolved ?? true,
    expectation: c.expects ?? bindOf('hc'),
    past: c.past ?? 'none',
    base: c.noBox ? null : locateBase(table, '/srv/ha/box', 'fuse.sshfs'),
    staleErrnos: c.stale ?? ['ENOTCONN'],
    waitingRequests: 2,
  });
}

const onOtherDisk: Expectation = {
  kind: 'identity',
  identity: { kind: 'local', mountPoint: '/srv/ha/jobs/disk' },
};
const otherDisk = `${hostText}\n 91 26 8:17 / /srv/ha/jobs/disk rw - ext4 /dev/sdb1 rw`;
const gone: readonly Case[] = [
  {
    name: 'a directory that was never made',
    expects: nothing,
    path: '/srv/ha/jobs/x',
    lookup: absent,
    state: 'healthy',
    reason: /^not made yet/,
  },
  {
    name: 'a directory of a job that has tried, and archived nothing',
    expects: { kind: 'identity', identity: local },
    path: '/srv/ha/jobs/x',
    lookup: absent,
    past: 'tried',
    state: 'healthy',
    reason: /^not there, and nothing was archived/,
  },
  {
    name: 'a directory that a job has archived in, and that is gone',
    expects: { kind: 'identity', identity: local },
    path: '/srv/ha/jobs/x',
    lookup: absent,
    past: 'archived',
    state: 'missing',
    reason: /has archived there, and the directory is gone/,
  },
  {
    name: 'the same inside a bind that is right',
    path: '/srv/ha/jobs/hc/2026',
    lookup: absent,
    past: 'archived',
    state: 'missing',
    reason: /the directory is gone/,
  },
  {
    name: 'the second local disk is there',
    table: otherDisk,
    expects: onOtherDisk,
    path: '/srv/ha/jobs/disk/x',
    past: 'archived',
    state: 'healthy',
  },
  {
    name: 'the second local disk is gone',
    expects: onOtherDisk,
    path: '/srv/ha/jobs/disk/x',
    past: 'tried',
    state: 'missing',
    reason: /the disk at \/srv\/ha\/jobs\/disk, which is not mounted/,
  },
  {
    name: 'another disk is mounted in its place',
    table: otherDisk.replace('8:17', '8:33'),
    expects: onOtherDisk,
    path: '/srv/ha/jobs/disk/x',
    past: 'archived',
    state: 'healthy',
  },
];

for (const c of [...cases, ...gone]) {
  test(`state of a path: ${c.name}`, () => {
    const report = judge(c);
    assert.equal(report.state, c.state, report.reason);
    assert.equal(report.errno, c.errno ?? null);
    assert.match(report.reason, c.reason ?? /./);
  });
}

test('the mount of a report is the topmost one at exactly the path, with its layers', () => {
  const table = `${hostText}\n 70 65 0:44 /jobs/hc /srv/ha/jobs/hc rw - fuse.sshfs u2@box:/ rw`;
  const report = judge({ name: '', table, state: 'healthy' });
  assert.deepEqual(report.mount, {
    id: 70,
    fstype: 'fuse.sshfs',
    source: 'u2@box:/',
    root: '/jobs/hc',
    device: '0:44',
    layers: 2,
  });
  const below = judge({ name: '', path: '/srv/ha/jobs/hc/2026', expects: bindOf('hc'), state: 'healthy' });
  assert.equal(below.mount, null);
  assert.equal(below.coveredBy, '/srv/ha/jobs/hc');
  assert.deepEqual(below.identity, {
    kind: 'mount',
    fstype: 'fuse.sshfs',
    source: 'u1@box:/',
    root: '/jobs/hc',
  });
});

test('property: every combination has a state and a reason, and an errno only when one was seen or implied', () => {
  const lookup = fc.oneof(
    fc.constantFrom<Lookup>(present, absent, { kind: 'timed_out' }, { kind: 'not_asked', detail: 'busy' }),
    fc.constantFrom('ENOTCONN', 'EIO', 'EACCES', 'EROFS', 'E999').map(failing),
  );
  const tables = fc.constantFrom(hostText, withoutBase, withoutBinds, remountedBase, ownNfs, '');
  const expectation = fc.constantFrom(bindOf('hc'), bindOf('own'), unitMount, nothing);
  const path = fc.constantFrom('/srv/ha/jobs/hc', '/srv/ha/jobs/own', '/srv/ha/box', '/');
  fc.assert(
    fc.property(lookup, tables, expectation, path, fc.boolean(), (answer, table, expects, asked, noBox) => {
      const c: Case = { name: '', lookup: answer, table, expects, path: asked, state: 'healthy' };
      const report = judge(noBox ? { ...c, noBox } : c);
      assert.ok(storageStates.includes(report.state));
      assert.notEqual(report.reason, '');
      if (report.state === 'healthy') assert.equal(answer.kind, 'answered');
      if (report.state === 'dead') assert.deepEqual(answer, failing('ENOTCONN'));
      if (expects.kind === 'bind' && report.state === 'healthy')
        assert.equal(report.coveredBy, expects.mountPoint);
    }),
  );
});
