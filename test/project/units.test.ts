import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

/** As docs/deployment/systemd/hardening.md says; in tenths, as --threshold= has it. */
const exposure: Readonly<Record<string, number>> = {
  'healtharchive-worker.service': 20,
  'healtharchive-metrics.service': 30,
  'healtharchive-worker-auto-start.service': 30,
  'healtharchive-tiering.service': 39,
  'healtharchive-storage-hotpath-auto-recover.service': 39,
  'healtharchive-storagebox-sshfs.service': 39,
};
const analyze = '/usr/bin/systemd-analyze';
const skip = existsSync(analyze) ? false : 'systemd-analyze is not installed';

test('each service may do as little as its page says (systemd-analyze security)', { skip }, () => {
  const services = units.filter(({ name }) => name.endsWith('.service')).map(({ name }) => name);
  assert.deepEqual(services.sort(), Object.keys(exposure).sort());
  const page = readFileSync(join(folder, '../../docs/deployment/systemd/hardening.md'), 'utf8');
  for (const [name, tenths] of Object.entries(exposure)) {
    const args = ['security', '--offline=yes', '--no-pager', `--threshold=${tenths}`, join(folder, name)];
    const { status, stdout } = spawnSync(analyze, args, {
      encoding: 'utf8',
      env: { ...process.env, SYSTEMD_COLORS: '0' },
    });
    assert.equal(status, 0, stdout.slice(-200));
    assert.ok(page.includes((tenths / 10).toFixed(1)), `${name} on the page`);
  }
});
