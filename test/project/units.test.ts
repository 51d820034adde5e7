import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
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
