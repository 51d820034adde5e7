import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHarmless, localSetup } from './setup.ts';

const names: readonly (readonly [string, string])[] = [
  ['spaces and a leading dash', '- Health  Canada '],
  ['quotes, a shell command and SQL', `it's "odd" \`x\` $(touch x); rm -rf *'; drop table jobs; --`],
  ['line breaks, tabs and terminal escapes', 'first\nsecond\r\n\t\u001b[31mred\u001b]0;title\u0007\u009b2J'],
  ['right-to-left overrides and backslashes', 'a\u202egpj.exe\u061c C:\\new \\u001b'],
  ['dots, slashes and other scripts', '../../Santé/ᐃᓄᒃᑎᑐᑦ 🍁'],
  ['as long as can be', 'é'.repeat(127)],
];

test('names are stored as they are and shown escaped', async (t) => {
  const setup = await localSetup(t);
  for (const [index, [what, name]] of names.entries()) {
    const added = await setup.ask('jobs', 'add', '--source', 'hc', `--name=${name}`);
    assert.equal(added['name'], name, what);
    const directory = String(added['output_dir']).slice(`${setup.jobsRoot}/hc/`.length);
    assert.match(directory, /^[A-Za-z0-9_][A-Za-z0-9._~-]*$/, `the directory for ${what}`);
    const { stdout } = await setup.run('jobs', 'show', String(index + 1));
    assert.ok(isHarmless(stdout), `jobs show of ${what}: ${JSON.stringify(stdout)}`);
  }
  const list = await setup.run('jobs', 'list');
  assert.ok(isHarmless(list.stdout), JSON.stringify(list.stdout));
  assert.equal(list.stdout.trimEnd().split('\n').length, names.length + 1, 'one line a job');
  assert.equal((await setup.ask('sources', 'list'))['sources'] instanceof Array, true);
});

test('the real program takes and shows them too, also as directories and sources', async (t) => {
  const setup = await localSetup(t);
  const odd = 'a "b"\n\u001b[2J\\';
  const added = await setup.spawn(
    ...['jobs', 'add', '--source', 'hc', '--name', odd, '--output-dir', `hc/${odd}`, '--json'],
  );
  const job = JSON.parse(added.stdout) as Record<string, unknown>;
  assert.equal(job['name'], odd);
  assert.equal(job['output_dir'], `${setup.jobsRoot}/hc/${odd}`);
  await setup.ask('sources', 'add', '--code', 'odd', '--name', odd, '--seed', 'https://odd.example/');
  for (const args of [
    ['jobs', 'list'],
    ['jobs', 'show', '1'],
    ['sources', 'list'],
    ['jobs', 'add', '--source', 'hc', '--name', `${odd}2`, '--output-dir', `${odd}2`],
  ]) {
    const { status, stdout, stderr } = await setup.spawn(...args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /\\u001b\[2J/, args.join(' '));
    assert.ok(isHarmless(stdout + stderr), JSON.stringify(stdout));
  }
});

test('a refusal that repeats such a name is harmless too', async (t) => {
  const setup = await localSetup(t);
  const name = 'twice\n\u001b[2J';
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', name);
  const { status, stderr } = await setup.run('jobs', 'add', '--source', 'hc', '--name', name);
  assert.equal(status, 2);
  assert.match(stderr, /has the name twice\\n\\u001b\[2J already/);
  assert.ok(isHarmless(stderr));
});
