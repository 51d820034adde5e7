import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jobStatuses } from '../../../src/core/jobs/job.ts';
import {
  compareQueuePlaces,
  isEligible,
  nextAttemptAt,
  type QueuePlace,
  type Waiting,
} from '../../../src/core/jobs/selection.ts';
import { deadlines, t0 } from './job-fixture.ts';

/** Few different times, so that ties are common. */
const places: fc.Arbitrary<QueuePlace> = fc.record({
  queuedAtMs: fc.option(fc.nat(3)),
  createdAtMs: fc.nat(3),
  id: fc.nat(9),
});

test('property: the order of the queue is a total order', () => {
  fc.assert(
    fc.property(places, places, places, (a, b, c) => {
      const sign = (x: QueuePlace, y: QueuePlace) => Math.sign(compareQueuePlaces(x, y));
      assert.equal(compareQueuePlaces(a, a), 0);
      assert.equal(sign(a, b) + sign(b, a), 0, 'antisymmetric');
      if (sign(a, b) <= 0 && sign(b, c) <= 0) assert.ok(sign(a, c) <= 0, 'transitive');
      if (a.id !== b.id) assert.notEqual(sign(a, b), 0, 'two jobs never share a place');
    }),
  );
});

test('jobs without queued_at first, then by queued_at, created_at and id', () => {
  const inOrder: QueuePlace[] = [
    { queuedAtMs: null, createdAtMs: 5, id: 9 },
    { queuedAtMs: null, createdAtMs: 6, id: 1 },
    { queuedAtMs: 1, createdAtMs: 9, id: 8 },
    { queuedAtMs: 2, createdAtMs: 3, id: 7 },
    { queuedAtMs: 2, createdAtMs: 4, id: 2 },
    { queuedAtMs: 2, createdAtMs: 4, id: 3 },
  ];
  assert.deepEqual([...inOrder].reverse().sort(compareQueuePlaces), inOrder);
});

const idle = { infraRetry: null, backoff: null };
const waits: fc.Arbitrary<Waiting> = fc.record({
  status: fc.constantFrom(...jobStatuses),
  infraRetry: fc.option(deadlines),
  backoff: fc.option(deadlines),
});

test('only queued and retryable jobs are eligible', () => {
  const eligible = jobStatuses.filter((status) => isEligible({ status, ...idle }, t0));
  assert.deepEqual(eligible, ['queued', 'retryable']);
});

test('property: a waiting job is eligible exactly when its next attempt is not in the future', () => {
  const clocks = fc.integer({ min: t0 - 25_000, max: t0 + 25_000 });
  fc.assert(
    fc.property(waits, clocks, (job, nowMs) => {
      const next = nextAttemptAt(job, nowMs);
      const isWaiting = job.status === 'queued' || job.status === 'retryable';
      assert.equal(isEligible(job, nowMs), isWaiting && (next === null || next <= nowMs));
    }),
  );
});

test('property: the next attempt waits for both deadlines, and for neither longer than its length', () => {
  fc.assert(
    fc.property(deadlines, deadlines, (infraRetry, backoff) => {
      const next = nextAttemptAt({ status: 'retryable', infraRetry, backoff }, t0) ?? Number.NaN;
      assert.ok(next <= t0 + Math.max(infraRetry.lengthMs, backoff.lengthMs));
      for (const { atMs, lengthMs } of [infraRetry, backoff])
        assert.ok(next >= Math.min(atMs, t0 + lengthMs));
      assert.equal(
        isEligible({ status: 'retryable', infraRetry, backoff }, Math.max(infraRetry.atMs, backoff.atMs)),
        true,
      );
    }),
  );
});

test('a job that waits for nothing has no next attempt time', () => {
  assert.equal(nextAttemptAt({ status: 'queued', ...idle }, t0), null);
});
