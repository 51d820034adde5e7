import assert from 'node:assert/strict';
import { test } from 'node:test';
import textWidth from 'fast-string-truncated-width';
import { cutToWidth, formatTable } from '../../src/cli/table.ts';

test('columns are as wide as their widest cell, and the last one is not padded', () => {
  assert.deepEqual(
    formatTable(
      ['ID', 'NAME'],
      [
        ['1', 'a'],
        ['1000', 'long name'],
      ],
    ),
    ['ID    NAME', '1     a', '1000  long name'],
  );
});

test('a table may have any number of rows', () => {
  const rows = Array.from({ length: 300_000 }, (_, index) => [String(index), 'x']);
  assert.equal(formatTable(['ID', 'NAME'], rows).length, 300_001);
});

test('what is cut is never wider than it may be, wide characters beyond the basic plane included', () => {
  for (const text of [
    '⺀𖿢     𖿠⺀',
    '    𖿢 ￠㆐🌀',
    '𖿠🈀  가 Ā𖿠 ',
    '漢字漢字漢字',
    '👩‍👩‍👧‍👦 family',
    'e\u0301e\u0301e\u0301',
  ])
    for (let width = 1; width <= 12; width += 1)
      assert.ok(textWidth(cutToWidth(text, width)).width <= width, `${text} at ${width}`);
});
