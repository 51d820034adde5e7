import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PathIndex } from '../../../src/core/storage/path-index.ts';
import { isAtOrBelow, isBelow } from '../../../src/core/storage/path-relation.ts';

// Characters that sort before, at and after the slash, and one beyond the BMP.
const name = fc.constantFrom('a', 'b', 'a.b', 'a0', 'a-b', 'ab', '🍁');
const path = fc.array(name, { maxLength: 4 }).map((names) => `/${names.join('/')}`);

test('what lies below a path, and what is nearest at or above it, as a walk through all would find', () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 20 }), path, (paths, asked) => {
      const values = paths.map((at, index) => ({ at, index }));
      const found = new PathIndex(values, ({ at }) => at);
      assert.deepEqual(
        found.below(asked),
        values.filter(({ at }) => isBelow(at, asked)),
      );
      const above = values.filter(({ at }) => isAtOrBelow(asked, at));
      const longest = Math.max(0, ...above.map(({ at }) => at.length));
      assert.equal(
        found.nearest(asked),
        above.find(({ at }) => at.length === longest),
      );
    }),
  );
});
