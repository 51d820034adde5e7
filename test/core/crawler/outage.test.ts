import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  afterAnswer,
  afterUnreachable,
  isGivenUp,
  noOutage,
  type Outage,
  recovered,
  retryAfterMs,
  slowedDown,
} from '../../../src/core/crawler/patience.ts';

const after = (count: number, from: Outage = noOutage, nowMs = 0): Outage =>
  Array.from({ length: count }).reduce<Outage>((outage) => afterUnreachable(outage, nowMs), from);

describe('an outage', () => {
  test('one dead link is none, nor are two', () => {
    assert.equal(after(2).kind, 'none');
    assert.deepEqual(after(2, afterAnswer()), { kind: 'none', unreachable: 2 });
  });

  test('three in a row are; an answer ends it', () => {
    assert.deepEqual(after(3), { kind: 'paused', sinceMs: 0, nextMs: 1000, pauseMs: 1000 });
    assert.deepEqual(afterAnswer(), noOutage);
  });

  test('pauses grow to a minute', () => {
    const pauses: number[] = [];
    let outage = after(3);
    for (let count = 0; count < 8 && outage.kind === 'paused'; count++) {
      pauses.push(outage.pauseMs);
      outage = afterUnreachable(outage, outage.nextMs);
    }
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  test('it is given up after its patience, counted from its beginning', () => {
    const outage = after(5);
    assert.deepEqual(
      [1_799_999, 1_800_000].map((nowMs) => isGivenUp(outage, 1_800_000, nowMs)),
      [false, true],
    );
    assert.equal(isGivenUp(noOutage, 0, 1), false);
  });

  test('however answers and failures follow each other, a pause begins with the third failure in a row, and no earlier', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 30 }), (answers) => {
        let outage: Outage = noOutage;
        let row = 0;
        for (const isAnswer of answers) {
          outage = isAnswer ? afterAnswer() : afterUnreachable(outage, 0);
          row = isAnswer ? 0 : row + 1;
          assert.equal(outage.kind === 'paused', row >= 3);
        }
      }),
    );
  });
});

describe('asking again', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  for (const [value, expected] of [
    ['120', 120_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['999999', 3_600_000],
    ['soon', null],
    ['', null],
    [undefined, null],
  ] as const) {
    test(`Retry-After: ${value}`, () => {
      assert.equal(retryAfterMs(value, now), expected);
    });
  }

  test('a server that is overloaded is asked slower and slower, and one that answers as before in the end', () => {
    const slowed = [1, 2, 3, 4, 5, 6, 7, 8].reduce((pause) => slowedDown(pause), 0);
    assert.equal(slowed, 60_000);
    let pause = slowed;
    let count = 0;
    while (pause > 100 && count < 100) {
      pause = recovered(pause, 100);
      count += 1;
    }
    assert.equal(pause, 100);
    assert.ok(count < 40);
    assert.equal(recovered(0, 0), 0);
  });
});
