import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { program, runProgram, temporaryFolder, type Outcome } from '../cli/setup.ts';

/** A copy of the start script in a tree of its own (with a space and a quote in its name), beside whatever `files` say. */
function tree(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const root = join(temporaryFolder(t), "it's a copy");
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync(program, join(root, 'bin/healtharchive'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content, { mode: 0o755 });
  }
  return root;
}

async function start(root: string, args: readonly string[] = [], path = ''): Promise<Outcome> {
  const env = path === '' ? {} : { PATH: `${path}:${process.env['PATH'] ?? ''}` };
  return await runProgram(join(root, 'bin/healtharchive'), args, { env });
}

const runtime = `node_modules/node-linux-${process.arch}/bin/node`;
/** A stand-in for Node that shows what it is called with. */
const fakeNode = '#!/bin/sh\n[ "$1" = --version ] && exit 0\nprintf "%s\\n" "$@"\nexit 7\n';

test('from another folder, through symbolic links, with a space in the path', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'my programs'));
  symlinkSync(program, join(folder, 'my programs/first'));
  symlinkSync('first', join(folder, 'my programs/healtharchive'));
  const { status, stdout, stderr } = await runProgram('healtharchive', ['--version'], {
    cwd: folder,
    env: { PATH: `${join(folder, 'my programs')}:${process.env['PATH'] ?? ''}` },
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('without the runtime: what to run, and status 4', async (t) => {
  const root = tree(t);
  const { status, stdout, stderr } = await start(root, ['jobs', 'list']);
  assert.equal(status, 4);
  assert.equal(stdout, '');
  assert.match(stderr, /^healtharchive: the runtime is not installed\. Run: cd .*it's a copy.* && npm ci\n$/);
});

for (const [name, answers, complaint] of [
  ['another system', ['Darwin', 'arm64'], /this system is Darwin; HealthArchive runs on Linux only/],
  ['another processor', ['Linux', 'riscv64'], /no runtime for riscv64; supported are x86_64 and aarch64/],
] as const) {
  test(`${name} is named`, async (t) => {
    const uname = `#!/bin/sh\n[ "$1" = -s ] && echo ${answers[0]} || echo ${answers[1]}\n`;
    const root = tree(t, { 'fake/uname': uname });
    const { status, stderr } = await start(root, [], join(root, 'fake'));
    assert.equal(status, 4);
    assert.match(stderr, complaint);
  });
}

test('a runtime that does not start here is named', async (t) => {
  const root = tree(t, { [runtime]: '#!/bin/sh\nexit 1\n' });
  const { status, stderr } = await start(root);
  assert.equal(status, 4);
  assert.match(stderr, /the runtime .* does not start here/);
});

test('arguments arrive as they are, and the exit status comes back', async (t) => {
  const root = tree(t, { [runtime]: fakeNode, 'src/main.ts': '' });
  const { status, stdout } = await start(root, ['a b', '--version', '', '*']);
  assert.equal(status, 7);
  assert.deepEqual(stdout.split('\n').slice(-7), [
    '--',
    join(root, 'src/main.ts'),
    'a b',
    '--version',
    '',
    '*',
    '',
  ]);
});

test('the bundle is used unless a source file is newer', async (t) => {
  const files = {
    [runtime]: fakeNode,
    'src/main.ts': '',
    'src/cli/x.ts': '',
    'dist/main.js': '',
  };
  const root = tree(t, files);
  for (const [sourceTime, main] of [
    [1000, 'dist/main.js'],
    [3000, 'src/main.ts'],
  ] as const) {
    utimesSync(join(root, 'src/main.ts'), 1000, 1000);
    utimesSync(join(root, 'src/cli/x.ts'), sourceTime, sourceTime);
    utimesSync(join(root, 'dist/main.js'), 2000, 2000);
    assert.ok((await start(root)).stdout.endsWith(`--\n${join(root, main)}\n`), main);
  }
});
