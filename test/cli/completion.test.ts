import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { healtharchive, runProgram, temporaryFolder } from './setup.ts';

/** What is typed (the cursor stands at its end), and what bash must offer: all of it, or at least these. */
const cases: readonly (readonly [line: string, offered: readonly string[], isAll: boolean])[] = [
  ['healtharchive ', ['jobs', 'worker', 'campaign', 'init', '--config', '--help'], false],
  ['healtharchive jo', ['jobs'], true],
  ['healtharchive jobs ', ['add', 'list', 'show', 'cancel', 'retry', 'watch', 'recover-stale'], false],
  ['healtharchive jobs re', ['retry', 'recover-stale'], true],
  ['healtharchive jobs recover-stale --a', ['--apply'], true],
  [
    'healtharchive jobs add --',
    ['--source', '--seed', '--name', '--output-dir', '--json', '--config'],
    false,
  ],
  [
    'healtharchive jobs list --status ',
    ['queued', 'running', 'retryable', 'completed', 'failed', 'cancelled'],
    true,
  ],
  ['healtharchive jobs list --status c', ['completed', 'cancelled'], true],
  ['healtharchive --config my.toml jobs li', ['list'], true],
  ['healtharchive storage ', ['status', 'tier'], false],
  ['healtharchive storage status --j', ['--json'], true],
  ['healtharchive completion ', ['bash'], false],
  ['healtharchive completion b', ['bash'], true],
  ['healtharchive init --dir sub', ['subfolder'], true],
  ['healtharchive init --dir "a b', ['a b c'], true],
  ['healtharchive nonsense ', [], false],
];

describe('completion in a real bash', () => {
  const folder = temporaryFolder({ after });
  const script = join(folder, 'completion');
  before(async () => {
    const { status, stdout, stderr } = await healtharchive(['completion', 'bash']);
    assert.equal(status, 0, stderr);
    writeFileSync(script, stdout);
    for (const name of ['subfolder', 'a b c']) writeFileSync(join(folder, name), '');
  });

  /** Does what bash does at the TAB key: the words of the line, the last one being completed. */
  async function complete(line: string): Promise<string[]> {
    const words = [...line.matchAll(/"([^"]*)"?|([^ "]+)| $/g)].map((match) => match[1] ?? match[2] ?? '');
    const asked = `set -u; . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _healtharchive; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { status, stdout, stderr } = await runProgram(
      'bash',
      ['--norc', '-c', asked, 'bash', script, ...words],
      { cwd: folder },
    );
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    return stdout.split('\n').filter((word) => word !== '');
  }

  for (const [line, offered, isAll] of cases) {
    test(JSON.stringify(line), async () => {
      const found = await complete(line);
      if (isAll) assert.deepEqual(found.sort(), [...offered].sort());
      else
        for (const word of offered)
          assert.ok(found.includes(word), `${word} is not among ${found.join(' ')}`);
    });
  }

  test('bash knows the function under the name of the program', async () => {
    const { stdout } = await runProgram('bash', [
      '--norc',
      '-c',
      '. "$1"; complete -p healtharchive',
      'bash',
      script,
    ]);
    assert.match(stdout, /-F _healtharchive healtharchive/);
  });
});
