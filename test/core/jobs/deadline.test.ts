import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutToLength, deadlineIn } from '../../../src/core/jobs/retry.ts';
import { deadlines, t0 } from './job-fixture.ts';

const cuts: readonly (readonly [string, number, number])[] = [
  ['the clock went on', 400, 1000],
  ['the clock stands', 0, 1000],
  ['the clock was stepped back by more than the length', -86_400_000, -86_399_000],
  ['the clock was stepped back by less', -300, 700],
  ['the deadline is long past', 5000, 1000],
];

for (const [name, nowOffset, expectedOffset] of cuts) {
  test(`cut to its length: ${name}`, () => {
    const cut = cutToLength(deadlineIn(1000, t0), t0 + nowOffset);
    assert.deepEqual(cut, { atMs: t0 + expectedOffset, lengthMs: 1000 });
  });
}

test('property: after a cut, the wait that is left is never longer than the length, and cutting again changes nothing', () => {
  const clocks = fc.integer({ min: t0 - 30_000, max: t0 + 30_000 });
  fc.assert(
    fc.property(deadlines, clocks, (deadline, nowMs) => {
      const cut = cutToLength(deadline, nowMs);
      assert.ok(cut.atMs - nowMs <= deadline.lengthMs);
      assert.ok(cut.atMs <= deadline.atMs, 'a cut never makes a wait longer');
      assert.deepEqual(cutToLength(cut, nowMs), cut);
    }),
  );
});
