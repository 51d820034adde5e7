import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleConfiguration } from '../../src/config/example.ts';
import { parseConfiguration } from '../../src/config/load.ts';

test('the example says nothing: every key has its default', () => {
  assert.deepEqual(parseConfiguration(exampleConfiguration(), 'example'), parseConfiguration('', 'empty'));
});

test('every key stands there with its meaning, and is right when the # is taken away', () => {
  const example = exampleConfiguration();
  // Keys, not sentences: these have a blank after the #.
  const uncommented = example.replaceAll(/^#(?! )/gm, '');
  const { hot_mounts, ...rest } = parseConfiguration(uncommented, 'example');
  const { hot_mounts: none, ...defaults } = parseConfiguration('', 'empty');
  assert.deepEqual(rest, defaults);
  assert.deepEqual([none.length, hot_mounts.length], [0, 1]);
  const keys = example.split('\n').filter((line) => /^#\w+ = /.test(line));
  const known = [...Object.values(rest), ...hot_mounts].flatMap((table) => Object.keys(table));
  assert.equal(keys.length, known.length);
  for (const [index, line] of example.split('\n').entries())
    if (/^#\w+ = /.test(line)) assert.match(example.split('\n')[index - 1] ?? '', /^# \S/, line);
  for (const line of example.split('\n')) assert.ok(line.length <= 140, line);
});
