/** What a person finds in script/ says what it does, and takes no word that it does not know. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../cli/setup.ts';

const folder = join(import.meta.dirname, '../../script');

for (const name of readdirSync(folder)) {
  test(`script/${name} --help: what it does, and nothing is done`, async () => {
    for (const option of ['--help', '-h']) {
      const { status, stdout, stderr } = await runProgram(join(folder, name), [option]);
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`^usage: script/${name}\\b`, 'i'));
      assert.equal(stderr, '');
      for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
    }
  });

  test(`script/${name} with a word that it does not know: status 2, and how it is used`, async () => {
    const { status, stderr } = await runProgram(join(folder, name), ['--unheard-of']);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`usage: script/${name}\\b`, 'i'));
  });
}
