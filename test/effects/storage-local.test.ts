import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Expectation } from '../../src/core/storage/expectation.ts';
import { canonicalPaths, checkWritable, freeSpace } from '../../src/effects/storage-access.ts';
import { observeHotPaths, observeStorage } from '../../src/effects/storage-probe.ts';

const timeoutMs = 10_000;
const nothing: Expectation = { kind: 'nothing' };
let folder: string;

before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'healtharchive-local-')));
  for (const name of ['real', 'real/job', 'closed', 'run']) mkdirSync(join(folder, name));
  symlinkSync('real', join(folder, 'link'));
  symlinkSync(join(folder, 'real/job'), join(folder, 'linked-job'));
  writeFileSync(join(folder, 'file'), '');
  chmodSync(join(folder, 'closed'), 0);
});
after(() => {
  chmodSync(join(folder, 'closed'), 0o700);
  rmSync(folder, { recursive: true });
});

async function observe(names: readonly string[], expectation = nothing) {
  const report = await observeStorage({
    base: { mount: join(folder, 'box'), fstype: 'fuse.sshfs' },
    staleErrnos: ['ENOTCONN'],
    paths: names.map((name) => ({ path: join(folder, name), expectation })),
    probeTimeoutMs: timeoutMs,
    stuckDir: join(folder, 'run'),
  });
  return {
    base: report.base,
    paths: report.paths.map(({ state, errno, canonicalPath: path }) => ({ state, errno, path })),
  };
}

test('local paths: healthy, absent, through a link, a link themselves, a file', async () => {
  const { base, paths } = await observe([
    'real/job',
    'real/absent',
    'link/job',
    'linked-job',
    'file',
    'real/job',
  ]);
  assert.equal(base?.state, 'missing');
  const real = join(folder, 'real/job');
  assert.deepEqual(paths, [
    { state: 'healthy', errno: null, path: real },
    { state: 'healthy', errno: null, path: join(folder, 'real/absent') },
    { state: 'healthy', errno: null, path: real },
    { state: 'wrong_source', errno: null, path: join(folder, 'linked-job') },
    { state: 'unknown', errno: 'ENOTDIR', path: join(folder, 'file') },
    { state: 'healthy', errno: null, path: real },
  ]);
});

// No local directory is closed to root; for root, test/storage has one that a server closes.
if (process.geteuid?.() !== 0) {
  test('a directory that we may not enter is denied', async () => {
    const { paths } = await observe(['closed', 'closed/job']);
    assert.deepEqual(
      paths.map(({ state, errno }) => [state, errno]),
      [
        ['denied', 'EACCES'],
        ['denied', 'EACCES'],
      ],
    );
  });
}

test('a tiered path that is a plain local directory is missing', async () => {
  const bind: Expectation = {
    kind: 'bind',
    mountPoint: join(folder, 'real/job'),
    coldPath: join(folder, 'box/job'),
  };
  assert.equal((await observe(['real/job'], bind)).paths[0]?.state, 'missing');
});

test('rules hold for paths reached through links: an annual job below a linked jobs root is still tiered', async () => {
  const hot = { isAnnualCampaignJob: true, recordedIdentity: null };
  const report = await observeHotPaths({
    rules: {
      jobsRoot: join(folder, 'link'),
      storagebox: { mount: join(folder, 'box'), coldRoot: join(folder, 'box/jobs') },
      manifest: [],
      hotMounts: [{ path: join(folder, 'link/own'), unit: 'own.mount' }],
    },
    fstype: 'fuse.sshfs',
    hotPaths: [
      { path: join(folder, 'real/job'), ...hot },
      { path: join(folder, 'link/job'), ...hot },
      { path: join(folder, 'real/own/x'), ...hot },
      { path: join(folder, 'closed'), ...hot },
      { path: join(folder, 'real/job'), isAnnualCampaignJob: false, recordedIdentity: { kind: 'local' } },
    ],
    staleErrnos: ['ENOTCONN'],
    probeTimeoutMs: timeoutMs,
    stuckDir: join(folder, 'run'),
  });
  const bind = { kind: 'bind', mountPoint: join(folder, 'real/job'), coldPath: join(folder, 'box/jobs/job') };
  const own = { kind: 'mount', mountPoint: join(folder, 'real/own'), unit: 'own.mount', identity: null };
  assert.deepEqual(
    report.paths.map(({ state, expectation }) => [state, expectation]),
    [
      ['missing', bind],
      ['missing', bind],
      ['missing', own],
      ['missing', { kind: 'unplaceable', mountPoint: join(folder, 'closed') }],
      ['healthy', { kind: 'identity', identity: { kind: 'local' } }],
    ],
  );
});

test('no paths and no storage box: nothing to say', async () => {
  const report = await observeStorage({
    base: null,
    staleErrnos: [],
    paths: [],
    probeTimeoutMs: timeoutMs,
    stuckDir: null,
  });
  assert.deepEqual([report.base, report.paths], [null, []]);
});

test('writing, free space, canonical paths', async () => {
  const options = { timeoutMs, stuckDir: join(folder, 'run') };
  assert.deepEqual(await checkWritable(join(folder, 'real'), options), { kind: 'ok' });
  assert.deepEqual(readdirSync(join(folder, 'real')), ['job']);
  const free = await freeSpace(folder, options);
  assert.ok(free.kind === 'free' && free.space !== null && free.space.bytes > 0);
  assert.ok(free.space.percent > 0 && free.space.percent <= 100);
  for (const [asked, expected] of [
    ['link/new', 'real/new'],
    ['link/../real//job/./x', 'real/job/x'],
    ['linked-job', 'linked-job'],
    ['linked-job/x/y', 'real/job/x/y'],
    ['absent/../real/job', 'real/job'],
  ] as const) {
    const [answer] = await canonicalPaths([`${folder}/${asked}`], options);
    assert.deepEqual(answer, { kind: 'canonical', path: join(folder, expected) }, asked);
  }
});

test('nothing stays behind', () => {
  assert.deepEqual(
    readdirSync(join(folder, 'run')).flatMap((name) => readdirSync(join(folder, 'run', name))),
    [],
  );
});
