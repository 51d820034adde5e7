import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../src/cli/table.ts';

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
