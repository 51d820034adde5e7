import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffAfter, backoffCeilingMs, pauseForSource } from '../../../src/core/jobs/retry.ts';
import { policies, policy } from './job-fixture.ts';

test('the backoff doubles from its base up to an hour', () => {
  const minutes = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failures) => backoffAfter(failures, policy) / 60_000);
  assert.deepEqual(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test('the pause before a source that is away is tried again doubles up to six hours', () => {
  const minutes = [1, 2, 8, 9, 10, 20].map((attempts) => pauseForSource(attempts, policy) / 60_000);
  assert.deepEqual(minutes, [1, 2, 128, 256, 360, 360]);
});

test('property: between the base and the ceiling, never shorter after one more failure', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), policies, (failures, given) => {
      const wait = backoffAfter(failures, given);
      assert.ok(Number.isSafeInteger(wait), String(wait));
      assert.ok(wait >= given.backoffMs && wait <= backoffCeilingMs, String(wait));
      assert.ok(backoffAfter(failures + 1, given) >= wait);
    }),
  );
});

test('property: below the ceiling, one more failure doubles the wait', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), policies, (failures, given) => {
      const next = backoffAfter(failures + 1, given);
      if (next < backoffCeilingMs) assert.equal(next, 2 * backoffAfter(failures, given));
    }),
  );
});
