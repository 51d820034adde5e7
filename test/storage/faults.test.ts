import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { bindOf, expectStates, first, nothing, observe } from './observing.ts';
import { insidePrivateMounts } from './private-mounts.ts';
import { killAndWait, StorageBox, until } from './storage-box.ts';

if (insidePrivateMounts(import.meta.url)) {
  let box: StorageBox;
  let sshfs: ChildProcess;

  /** The base mounted, jobs/hc and jobs/phac bound, jobs/plain a local directory. */
  before(async () => {
    box = await StorageBox.start();
    box.makeFolders('served/jobs/hc/2026', 'served/jobs/phac', 'jobs/hc', 'jobs/phac', 'jobs/plain');
    sshfs = await box.mount('base');
    await bindBoth();
  });
  after(() => box.end());

  async function bindBoth(): Promise<void> {
    await box.bind('base/jobs/hc', 'jobs/hc');
    await box.bind('base/jobs/phac', 'jobs/phac');
  }

  async function mountAllAnew(): Promise<void> {
    for (const name of ['jobs/hc', 'jobs/phac', 'base']) await box.unmount(name, '-l');
    await killAndWait(sshfs);
    sshfs = await box.mount('base');
    await bindBoth();
  }

  test('all is well: every path is what it is expected to be', async () => {
    const report = await expectStates(
      box,
      [
        ['jobs/hc', bindOf(box, 'hc'), 'healthy'],
        ['jobs/phac', bindOf(box, 'phac'), 'healthy'],
        ['jobs/hc/2026', bindOf(box, 'hc'), 'healthy'],
        ['jobs/plain', nothing, 'healthy'],
        ['jobs/not-made-yet', nothing, 'healthy'],
        ['jobs/plain', { kind: 'identity', identity: { kind: 'local' } }, 'healthy'],
        ['jobs/hc', { kind: 'identity', identity: { kind: 'local' } }, 'wrong_source'],
        ['jobs/plain', bindOf(box, 'plain'), 'missing'],
      ],
      'healthy',
    );
    assert.equal(first(report).mount?.root, '/jobs/hc');
    assert.equal(first(report).mount?.layers, 1);
    assert.equal(first(report).mount?.device, report.base?.mount?.device);
  });

  test('sshfs killed: dead at once, though the attribute cache still answers a plain stat', async () => {
    await killAndWait(sshfs);
    await expectStates(
      box,
      [
        ['jobs/hc', bindOf(box, 'hc'), 'dead', 'ENOTCONN'],
        ['jobs/phac', bindOf(box, 'phac'), 'dead', 'ENOTCONN'],
        ['jobs/hc/2026', bindOf(box, 'hc'), 'dead', 'ENOTCONN'],
        ['jobs/hc', nothing, 'dead', 'ENOTCONN'],
        ['jobs/plain', nothing, 'healthy'],
      ],
      'dead',
    );
  });

  test('dead base mounted anew: its old binds stay dead, and are not called wrong', async () => {
    await box.unmount('base', '-l');
    sshfs = await box.mount('base');
    await expectStates(
      box,
      [
        ['jobs/hc', bindOf(box, 'hc'), 'dead', 'ENOTCONN'],
        ['jobs/phac', bindOf(box, 'phac'), 'dead', 'ENOTCONN'],
      ],
      'healthy',
    );
  });

  test('the good bind stacked over the dead one: the topmost answers, both layers are counted', async () => {
    await box.bind('base/jobs/hc', 'jobs/hc');
    const report = await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'healthy']], 'healthy');
    assert.equal(first(report).mount?.layers, 2);
    await box.unmount('jobs/hc');
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'dead']], 'healthy');
    await mountAllAnew();
  });

  test('base unmounted while binds of it are used: they go on, and die with its sshfs', async () => {
    await box.unmount('base', '-l');
    const path = [['jobs/hc', bindOf(box, 'hc'), 'healthy']] as const;
    await expectStates(box, path, 'missing');
    await killAndWait(sshfs);
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'dead', 'ENOTCONN']], 'missing');
    await box.unmount('jobs/hc', '-l');
    await box.unmount('jobs/phac', '-l');
  });

  test('nothing mounted at all: the empty local directories answer, and are missing', async () => {
    await expectStates(
      box,
      [
        ['jobs/hc', bindOf(box, 'hc'), 'missing'],
        ['jobs/plain', nothing, 'healthy'],
        ['base/jobs/x', nothing, 'missing'],
      ],
      'missing',
    );
    sshfs = await box.mount('base');
    await bindBoth();
  });

  test('bound from the wrong directory, and from the local disk', async () => {
    await box.bind('base/jobs/phac', 'jobs/hc');
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'wrong_source']], 'healthy');
    await box.unmount('jobs/hc');
    await box.bind('jobs/plain', 'jobs/hc');
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'wrong_source']], 'healthy');
    await box.unmount('jobs/hc');
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'healthy']], 'healthy');
  });

  test('the bound directory was removed on the server: nothing can be written there', async () => {
    box.makeFolders('served/jobs/gone', 'jobs/gone');
    // sshfs believes its own cache for 20 s, and nothing but a write can see through it.
    const shortMemory = await box.mount('short', ['dcache_timeout=1']);
    await box.bind('short/jobs/gone', 'jobs/gone');
    rmdirSync(box.path('served/jobs/gone'));
    await until('the cache has forgotten it', async () => {
      return first(await observe(box, [['jobs/gone', nothing]])).state === 'wrong_source';
    });
    mkdirSync(box.path('served/jobs/gone'));
    await until('it has come back: sshfs knows directories by name', async () => {
      return first(await observe(box, [['jobs/gone', nothing]])).state === 'healthy';
    });
    await killAndWait(shortMemory);
    await box.unmount('jobs/gone', '-l');
    await box.unmount('short', '-l');
  });

  test('names with blanks, newlines, backslashes, octal escapes and quotes', async () => {
    const names = ['a b', 'new\nline', 'back\\slash', 'oct\\040al', 'quo\'te"', 'tab\t#', 'été 日本', '-rf'];
    for (const name of names) {
      box.makeFolders(`served/jobs/${name}`, `jobs/${name}`);
      await box.bind(`base/jobs/${name}`, `jobs/${name}`);
    }
    await expectStates(
      box,
      names.map((name) => [`jobs/${name}`, bindOf(box, name), 'healthy'] as const),
      'healthy',
    );
    for (const name of names) await box.unmount(`jobs/${name}`);
    await expectStates(
      box,
      names.map((name) => [`jobs/${name}`, bindOf(box, name), 'missing'] as const),
      'healthy',
    );
  });

  test('symbolic links: followed in parents on local disk, refused as the hot path itself', async () => {
    symlinkSync(box.path('jobs'), box.path('link-to-jobs'));
    symlinkSync('plain', box.path('jobs/link'));
    symlinkSync('link-in-a-circle', box.path('link-in-a-circle'));
    const hc = {
      kind: 'bind',
      mountPoint: box.path('link-to-jobs/hc'),
      coldPath: box.path('base/jobs/hc'),
    } as const;
    const report = await expectStates(
      box,
      [
        ['link-to-jobs/hc', hc, 'healthy'],
        ['jobs/link', nothing, 'wrong_source'],
        ['link-in-a-circle/x', nothing, 'unknown', 'ELOOP'],
      ],
      'healthy',
    );
    assert.equal(first(report).canonicalPath, box.path('jobs/hc'));
    assert.equal(first(report).path, box.path('link-to-jobs/hc'));
  });

  test('a file in place of the directory', async () => {
    writeFileSync(box.path('jobs/file'), '');
    await expectStates(
      box,
      [
        ['jobs/file', nothing, 'unknown', 'ENOTDIR'],
        ['jobs/file/x', nothing, 'unknown', 'ENOTDIR'],
      ],
      'healthy',
    );
  });

  test('a mount inside a mount: what lies in a dead one is dead, and the healthy one below it is not asked', async () => {
    box.makeFolders('served/inner');
    const outer = await box.mount('jobs/outer');
    const inner = await box.mount('jobs/outer/inner');
    await expectStates(
      box,
      [
        ['jobs/outer/inner', nothing, 'healthy'],
        ['jobs/outer/inner/x', nothing, 'healthy'],
      ],
      'healthy',
    );
    await killAndWait(outer);
    const report = await expectStates(
      box,
      [
        ['jobs/outer/inner', nothing, 'dead', 'ENOTCONN'],
        ['jobs/outer/absent', bindOf(box, 'outer/absent'), 'dead', 'ENOTCONN'],
      ],
      'healthy',
    );
    assert.match(first(report).reason, new RegExp(`seen at ${box.path('jobs/outer')}$`));
    await killAndWait(inner);
    await box.unmount('jobs/outer', '-l');
  });

  test('a mount stacked over a directory hides the binds below it', async () => {
    await box.bind('served', 'jobs');
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'missing']], 'healthy');
    await box.unmount('jobs');
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'healthy']], 'healthy');
  });

  test('server gone, sshfs alive and reconnecting: degraded, never dead; heals by itself', async (t) => {
    if (box.isPiped) {
      t.skip('without sshd there is nothing to reconnect to');
      return;
    }
    box.stopServer();
    await until('sshfs has noticed', async () => {
      const report = await observe(box, [['jobs/hc', bindOf(box, 'hc')]]);
      return first(report).state !== 'healthy';
    });
    const paths = [
      ['jobs/hc', bindOf(box, 'hc'), 'degraded', 'EIO'],
      ['jobs/plain', nothing, 'healthy'],
    ] as const;
    await expectStates(box, paths, 'degraded');
    await box.startServer();
    await until('it has healed', async () => {
      const report = await observe(box, [['jobs/hc', bindOf(box, 'hc')]]);
      return report.base?.state === 'healthy' && first(report).state === 'healthy';
    });
  });
}
