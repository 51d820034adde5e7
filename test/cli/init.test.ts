import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  healtharchive,
  inProcess,
  isHarmless,
  LocalSetup,
  program,
  runProgram,
  temporaryFolder,
  treeOf,
} from './setup.ts';

test('init makes a setup that works, and prints three commands that do', async (t) => {
  const dir = join(temporaryFolder(t), 'new/setup');
  const { status, stdout, stderr } = await healtharchive(['init', '--dir', dir]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(readdirSync(dir).sort(), [
    'config.toml',
    'healtharchive.db',
    'jobs',
    'metrics',
    'ops',
    'run',
    'sentinels',
  ]);
  const steps = stdout.split('Try next:\n')[1]?.trimEnd().split('\n') ?? [];
  assert.equal(steps.length, 4, 'a variable and three commands');
  // All but the last, which would crawl.
  const script = `healtharchive() { '${join(import.meta.dirname, '../../bin/healtharchive')}' "$@"; }\nset -e\n${steps.slice(0, -1).join('\n')}`;
  const tried = await runProgram('bash', ['-c', script]);
  assert.equal(tried.status, 0, tried.stderr);
  assert.match(tried.stdout, /Queued job 1/);
});

test('state, configuration and database are for their owner alone', async (t) => {
  const dir = join(temporaryFolder(t), 'setup');
  assert.equal((await inProcess(['init', '--dir', dir])).status, 0);
  const modeOf = (name: string) => (lstatSync(join(dir, name)).mode & 0o777).toString(8);
  for (const folder of ['ops', 'ops/locks', 'ops/attempts']) assert.equal(modeOf(folder), '700', folder);
  for (const file of ['config.toml', 'healtharchive.db']) assert.equal(modeOf(file), '600', file);
});

test('init again: status 0, and not a byte, a mode or a time has changed', async (t) => {
  const dir = join(temporaryFolder(t), 'setup');
  const first = await healtharchive(['init', '--dir', dir, '--json']);
  const made = JSON.parse(first.stdout) as { config: string; created: string[] };
  assert.equal(made.config, join(dir, 'config.toml'));
  assert.ok(made.created.includes(join(dir, 'config.toml')));
  const before = treeOf(dir);
  const second = await healtharchive(['init', '--dir', dir, '--json']);
  assert.equal(second.status, 0, second.stderr);
  assert.deepEqual(JSON.parse(second.stdout), { config: made.config, created: [] });
  assert.deepEqual(treeOf(dir), before);
});

test('init keeps a configuration that a person has changed, and follows it', async (t) => {
  const dir = join(temporaryFolder(t), 'setup');
  const config = join(dir, 'config.toml');
  mkdirSync(dir);
  const text = `[database]\nurl = "sqlite:${dir}/mine.db"\n`;
  writeFileSync(config, text);
  const { status } = await inProcess(['init', '--dir', dir]);
  assert.equal(status, 0);
  assert.equal(existsSync(join(dir, 'mine.db')), true);
  assert.equal(existsSync(join(dir, 'healtharchive.db')), false);
});

test('init where it can’t be done says so', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  const blocked = await inProcess(['init', '--dir', join(folder, 'file/below')]);
  assert.equal(blocked.status, 1);
  assert.match(blocked.stderr, /file\/below can't be made: ENOTDIR/);
  writeFileSync(join(folder, 'config.toml'), 'nonsense');
  const wrong = await inProcess(['init', '--dir', folder]);
  assert.equal(wrong.status, 4);
  assert.match(wrong.stderr, /config\.toml, line 1: /);
});

test('init below a folder where nothing can be made ends, and says so', async () => {
  const { status, stderr } = await healtharchive(['init', '--dir', '/proc/healtharchive/setup']);
  assert.equal(status, 1);
  assert.match(stderr, /^healtharchive: \/proc\/healtharchive can't be made: ENOENT[^\n]*\n$/);
});

test('a working directory that was removed is no bug of ours', async (t) => {
  const folder = join(temporaryFolder(t), 'gone');
  mkdirSync(folder);
  const script = `cd '${folder}' && rmdir '${folder}' && exec '${program}' init --dir sub`;
  const { status, stderr } = await runProgram('sh', ['-c', script]);
  assert.equal(status, 1);
  assert.match(stderr, /^healtharchive: the working directory is gone/m);
  assert.doesNotMatch(stderr, /this is a bug/);
});

for (const name of [
  'with space',
  `quote"'s`,
  'back\\slash',
  'line\nbreak',
  'del\u007f and \u001b[2J',
  'é 🍁',
  '$HOME',
]) {
  test(`a folder with an odd name works: ${JSON.stringify(name)}`, async (t) => {
    const setup = new LocalSetup(join(temporaryFolder(t), name));
    const { status, stdout, stderr } = await inProcess(['init', '--dir', setup.dir]);
    assert.equal(status, 0, stderr);
    assert.ok(isHarmless(stdout), JSON.stringify(stdout));
    const sources = await setup.run('sources', 'list', '--json');
    assert.deepEqual(JSON.parse(sources.stdout), { sources: [] }, sources.stderr);
    assert.ok(existsSync(join(setup.dir, 'healtharchive.db')));
  });
}
