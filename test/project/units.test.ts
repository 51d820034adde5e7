import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/* Rules for the units as users get them that hold whatever a unit does. What systemd makes of them is seen in test/lab. */

const folder = fileURLToPath(new URL('../../ops/systemd', import.meta.url));
const units = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(service|timer|path|mount|conf|conf\.example)$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

test('nothing has more than Wants= and After= on the base: it would be stopped or restarted with it', () => {
  const strong = /^(Requires|Requisite|BindsTo|PartOf|Upholds|RequiresMountsFor|WantsMountsFor)=/m;
  assert.deepEqual(
    units.filter(({ text }) => strong.test(text)).map(({ name }) => name),
    [],
  );
});

test('no unit lives in storage: a directory of it would make systemd require its mount', () => {
  const directories = /^(WorkingDirectory|RootDirectory|RootImage)=(?!\/$).+$/m;
  assert.deepEqual(
    units.filter(({ text }) => directories.test(text)).map(({ name }) => name),
    [],
  );
});

test('no service gives up after a number of starts', () => {
  const services = units.filter(({ name }) => name.endsWith('.service'));
  assert.ok(services.length >= 2);
  const restarted = services.filter(({ text }) => /^Restart=/m.test(text));
  const limited = restarted.filter(({ text }) => !/^StartLimitIntervalSec=0$/m.test(text));
  assert.deepEqual(
    limited.map(({ name }) => name),
    [],
  );
});

test('nothing of root’s has a mount namespace of its own: what it mounts must be everybody’s, and no copy keeps a dead mount', () => {
  const namespace =
    /^(ProtectSystem|ProtectHome|ProtectKernel\w+|ProtectControlGroups|ProtectProc|ProcSubset|Private(Tmp|Devices|Mounts|IPC)|(ReadOnly|ReadWrite|Inaccessible|Exec|NoExec|Bind\w*)Paths|TemporaryFileSystem|Mount\w+|Root\w+|DynamicUser)=(?!no$)/m;
  const ofRoot = units.filter(({ name, text }) => name.endsWith('.service') && !/^User=/m.test(text));
  assert.ok(ofRoot.length >= 5);
  assert.deepEqual(
    ofRoot.filter(({ text }) => namespace.test(text)).map(({ name }) => name),
    [],
  );
});

/** RuntimeDirectory= is taken away with whichever unit ends first, and the locks of the others with it. */
test('no unit has a runtime directory', () => {
  assert.deepEqual(
    units.filter(({ text }) => /^RuntimeDirectory=/m.test(text)).map(({ name }) => name),
    [],
  );
});

/** As docs/deployment/systemd/hardening.md says, in tenths (--threshold=): as it is shipped, and with a drop-in. */
const exposure: readonly (readonly [unit: string, tenths: number, dropIn?: string])[] = [
  ['worker', 20],
  ['metrics', 30],
  ['worker-auto-start', 32],
  ['tiering', 39],
  ['storage-hotpath-auto-recover', 39],
  ['storagebox-sshfs', 39],
  ['metrics', 39, 'healtharchive-.service.d/network'],
  ['worker-auto-start', 41, 'healtharchive-.service.d/network'],
  ['tiering', 48, 'healtharchive-.service.d/network'],
  ['storage-hotpath-auto-recover', 48, 'healtharchive-.service.d/network'],
  ['worker', 87, 'healtharchive-worker.service.d/containers'],
  ['storage-hotpath-auto-recover', 82, 'healtharchive-storage-hotpath-auto-recover.service.d/containers'],
];
const analyze = '/usr/bin/systemd-analyze';
const skip = existsSync(analyze) ? false : 'systemd-analyze is not installed';

test('each service may do as little as its page says (systemd-analyze security)', { skip }, (t) => {
  const textOf = (name: string): string => units.find((unit) => unit.name === name)?.text ?? '';
  const services = units.filter(({ name }) => name.endsWith('.service')).map(({ name }) => name);
  assert.deepEqual(new Set(services), new Set(exposure.map(([unit]) => `healtharchive-${unit}.service`)));
  const page = readFileSync(join(folder, '../../docs/deployment/systemd/hardening.md'), 'utf8');
  const scratch = mkdtempSync(join(tmpdir(), 'healtharchive-units-'));
  t.after(() => {
    rmSync(scratch, { recursive: true });
  });
  for (const [unit, tenths, dropIn] of exposure) {
    const file = join(scratch, `healtharchive-${unit}.service`);
    const [settings = ''] = textOf(`healtharchive-${unit}.service`).split('\n[Install]');
    const relaxed = dropIn === undefined ? '' : textOf(`${dropIn}.conf.example`);
    assert.ok(dropIn === undefined || relaxed !== '', dropIn);
    writeFileSync(file, `${settings}\n${relaxed}`);
    const exposed = (threshold: number) =>
      spawnSync(analyze, ['security', '--offline=yes', '--no-pager', `--threshold=${threshold}`, file])
        .status;
    assert.equal(exposed(tenths), 0, `${unit} ${dropIn ?? ''}`);
    assert.notEqual(exposed(tenths - 1), 0, `${unit} ${dropIn ?? ''} may do less than its page says`);
    assert.ok(page.includes((tenths / 10).toFixed(1)), `${unit} on the page`);
  }
});
