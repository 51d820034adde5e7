import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrap } from '../../../src/core/text/wrap.ts';

const rows: readonly (readonly [string, Parameters<typeof wrap>, readonly string[]])[] = [
  ['what fits stays on one line', ['one two', 7], ['one two']],
  ['a line ends before the word that does not fit', ['one two three', 9], ['one two', '  three']],
  [
    'a longer word stays whole, on a line for itself',
    ['a /very/long/path b', 6],
    ['a', '  /very/long/path', '  b'],
  ],
  ['begins with a label', ['one two', 11, '  seen  ', '        '], ['  seen  one', '        two']],
  ['a first word that is too long follows its label', ['/long/path', 5, 'x  ', '   '], ['x  /long/path']],
  ['nothing is one empty line', ['', 10], ['']],
];

for (const [name, args, lines] of rows) {
  test(name, () => {
    assert.deepEqual(wrap(...args), lines);
  });
}
