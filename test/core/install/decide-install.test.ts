import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decideInstall, type Found, type InstallWorld } from '../../../src/core/install/decide-install.ts';
import {
  type InstallSettings,
  type ShippedFiles,
  type Wanted,
  wantedLayout,
} from '../../../src/core/install/layout.ts';

const settings: InstallSettings = {
  user: 'healtharchive',
  databaseFolder: '/srv/healtharchive/db',
  stateDir: '/srv/healtharchive/ops',
  jobsRoot: '/srv/healtharchive/jobs',
  sentinelDir: '/etc/healtharchive',
  textfileDir: '/var/lib/node_exporter/textfile_collector',
  deployLock: '/run/healtharchive/deploy.lock',
  storageboxMount: '/srv/healtharchive/storagebox',
  workerUnit: 'healtharchive-worker.service',
  storageboxUnit: 'healtharchive-storagebox-sshfs.service',
  relaxations: [],
};
const shipped: ShippedFiles = {
  units: {
    'healtharchive-worker.service':
      'Description=HealthArchive worker\nUser=healtharchive\nGroup=healtharchive\nProtectHome=yes\nPrivateTmp=yes\n',
    'healtharchive-worker.service.d/containers.conf': '[Service]\n',
    'healtharchive-.service.d/network.conf': '[Service]\n',
    'healtharchive-storagebox-sshfs.service': 'Description=HealthArchive base\n',
    'healtharchive-storage-hotpath-auto-recover.path':
      'PathChanged=/srv/healtharchive/ops/watchdog/x\nBefore=healtharchive-worker.service\n',
  },
  exampleConfiguration: '[paths]\n',
  storageboxEnvironment: 'STORAGEBOX_OPTIONS=reconnect,uid=999,gid=999,port=23\n',
  alertRules: 'groups: []\n',
  manual: '.TH X\n',
};
const ids = { uid: 998, gid: 997 };
const root = { uid: 0, gid: 0 };

const layout = (more: Partial<InstallSettings> = {}): Wanted[] =>
  wantedLayout({ ...settings, ...more }, shipped, '0.1.0-abc', ids);
const bare: InstallWorld = {
  isRoot: true,
  users: new Map(),
  paths: new Map(),
  releases: new Set(),
  needsReload: false,
};

/** As it is once everything was made. */
function installed(wanted: readonly Wanted[]): InstallWorld {
  const paths = new Map<string, Found>();
  const releases = new Set<string>();
  for (const one of wanted) {
    if (one.kind === 'folder')
      paths.set(one.path, { kind: 'folder', ids: one.owner === 'root' ? root : ids, mode: one.mode });
    if (one.kind === 'file') paths.set(one.path, { kind: 'file', ids: root, mode: one.mode, text: one.text });
    if (one.kind === 'link') paths.set(one.path, { kind: 'link', target: one.target });
    if (one.kind === 'release') releases.add(one.path);
  }
  return { ...bare, users: new Map([[settings.user, ids]]), paths, releases };
}

function fileOf(wanted: readonly Wanted[], path: string): string {
  const found = wanted.find((one) => one.kind === 'file' && one.path === path);
  assert.ok(found?.kind === 'file', path);
  return found.text;
}

function withPath(world: InstallWorld, path: string, found: Found): InstallWorld {
  return { ...world, paths: new Map([...world.paths, [path, found]]) };
}

describe('what is wanted', () => {
  test('each folder comes after those above it, and before what lies in it', () => {
    const made = new Set(['/', '/etc', '/opt', '/srv', '/run', '/var', '/var/lib', '/usr', '/usr/local']);
    for (const one of layout()) {
      if (one.kind === 'user') continue;
      const parent = one.path.slice(0, one.path.lastIndexOf('/'));
      if (one.kind === 'folder') assert.ok(made.has(parent), one.path);
      made.add(one.path);
    }
  });

  test('units say what the configuration says: user, state folder, other names', () => {
    const wanted = layout({ user: 'crawler', stateDir: '/data/state', workerUnit: 'crawls.service' });
    assert.match(fileOf(wanted, '/etc/systemd/system/crawls.service'), /User=crawler\nGroup=crawler/);
    const path = fileOf(wanted, '/etc/systemd/system/healtharchive-storage-hotpath-auto-recover.path');
    assert.match(path, /PathChanged=\/data\/state\/watchdog\/x\nBefore=crawls\.service/);
  });

  test('no option of the worker’s unit hides its own folders', () => {
    const unit = (more: Partial<InstallSettings>) =>
      fileOf(layout(more), '/etc/systemd/system/healtharchive-worker.service').split('\n').slice(3, 5);
    assert.deepEqual(unit({}), ['ProtectHome=yes', 'PrivateTmp=yes']);
    assert.deepEqual(unit({ jobsRoot: '/home/storage/jobs' }), ['ProtectHome=no', 'PrivateTmp=yes']);
    assert.deepEqual(unit({ storageboxMount: '/tmp/box' }), ['ProtectHome=yes', 'PrivateTmp=no']);
  });

  test('what is relaxed is relaxed where the configuration needs it', () => {
    const relaxed = (...relaxations: InstallSettings['relaxations']) =>
      layout({ relaxations, workerUnit: 'crawls.service' }).flatMap((one) =>
        one.kind === 'file' && one.path.includes('.d/') && one.path.includes('/systemd/')
          ? [one.path.slice(20)]
          : [],
      );
    assert.deepEqual(relaxed(), []);
    assert.deepEqual(relaxed('containers'), ['crawls.service.d/containers.conf']);
    assert.deepEqual(relaxed('network'), ['healtharchive-.service.d/network.conf']);
  });

  test('the box’s files are shown with the numbers of the worker’s user', () => {
    assert.match(fileOf(layout(), '/etc/healtharchive/storagebox.env'), /uid=998,gid=997,port=23/);
  });

  test('without a box, or with one that fstab mounts, there is no unit of ours for it', () => {
    const wanted = layout({ storageboxMount: null, storageboxUnit: null });
    const names = wanted.flatMap((one) =>
      'path' in one && one.path.includes('storagebox') ? [one.path] : [],
    );
    assert.deepEqual(names, []);
  });
});

describe('what is done', () => {
  test('on a bare server all of it, the units are read anew at the end; where all is there, nothing', () => {
    const wanted = layout();
    const { steps, refusals } = decideInstall(bare, wanted);
    assert.equal(steps.length, wanted.length + 1);
    assert.equal(steps.at(-1)?.kind, 'reload');
    assert.deepEqual(refusals, []);
    assert.deepEqual(decideInstall(installed(wanted), wanted), { steps: [], refusals: [] });
  });

  const unit = '/etc/systemd/system/healtharchive-worker.service';
  const cases: readonly (readonly [string, (world: InstallWorld) => InstallWorld, readonly string[]])[] = [
    [
      'a unit that was changed is replaced, and kept',
      (world) => withPath(world, unit, { kind: 'file', ids: root, mode: 0o644, text: 'mine' }),
      [`file ${unit}`, 'reload null'],
    ],
    [
      'a unit that belongs to somebody else',
      (world) =>
        withPath(world, unit, {
          kind: 'file',
          ids,
          mode: 0o666,
          text: fileOf(layout(), unit),
        }),
      [`owner ${unit}`],
    ],
    [
      'settings are a person’s: changed, closed, owned by a group of administrators',
      (world) =>
        withPath(world, '/etc/healtharchive/config.toml', {
          kind: 'file',
          ids,
          mode: 0o600,
          text: '[worker]\n',
        }),
      [],
    ],
    [
      'a state folder that is root’s',
      (world) => withPath(world, settings.stateDir, { kind: 'folder', ids: root, mode: 0o755 }),
      [`owner ${settings.stateDir}`],
    ],
    [
      'node_exporter’s folder is whose it is',
      (world) => withPath(world, settings.textfileDir ?? '', { kind: 'folder', ids, mode: 0o2775 }),
      [],
    ],
    [
      'a base that is mounted is not looked at',
      (world) => withPath(world, settings.storageboxMount ?? '', { kind: 'mounted' }),
      [],
    ],
    [
      'another release',
      (world) =>
        withPath({ ...world, releases: new Set() }, '/opt/healtharchive/current', {
          kind: 'link',
          target: 'releases/old',
        }),
      ['release /opt/healtharchive/releases/0.1.0-abc', 'link /opt/healtharchive/current'],
    ],
    ['units that systemd has not read', (world) => ({ ...world, needsReload: true }), ['reload null']],
  ];
  for (const [name, change, expected] of cases)
    test(name, () => {
      const wanted = layout();
      const { steps, refusals } = decideInstall(change(installed(wanted)), wanted);
      assert.deepEqual(
        steps.map(({ kind, path }) => `${kind} ${String(path)}`),
        expected,
      );
      assert.deepEqual(refusals, []);
    });

  test('property: what is of another kind is refused by its path, and everything else goes by what is there', () => {
    const wanted = layout();
    const paths = wanted.flatMap((one) => (one.kind === 'user' || one.kind === 'release' ? [] : [one]));
    fc.assert(
      fc.property(
        fc.constantFrom(...paths),
        fc.constantFrom('folder', 'file', 'link', 'other'),
        (one, kind) => {
          const found: Record<string, Found> = {
            folder: { kind: 'folder', ids: root, mode: 0o755 },
            file: { kind: 'file', ids: root, mode: 0o644, text: '' },
            link: { kind: 'link', target: '/elsewhere' },
            other: { kind: 'other' },
          };
          const there = found[kind];
          assert.ok(there !== undefined);
          const { refusals } = decideInstall(withPath(installed(wanted), one.path, there), wanted);
          assert.deepEqual(
            refusals.map(({ code, path }) => [code, path]),
            kind === one.kind ? [] : [['install_in_the_way', one.path]],
          );
        },
      ),
    );
  });

  test('who is not root sees the plan, and that it is root’s', () => {
    const { steps, refusals } = decideInstall({ ...bare, isRoot: false }, layout());
    assert.ok(steps.length > 20);
    assert.deepEqual(
      refusals.map(({ code, holdsBack }) => [code, holdsBack]),
      [['needs_root', true]],
    );
  });
});
