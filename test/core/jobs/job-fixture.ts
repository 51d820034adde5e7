import fc from 'fast-check';
import type { Deadline, RetryPolicy } from '../../../src/core/jobs/retry.ts';
import type { JobChange, JobEvent } from '../../../src/core/jobs/transitions.ts';

export const t0 = Date.parse('2026-03-01T12:00:00Z');

export const policy: RetryPolicy = { maxRetries: 2, backoffMs: 60_000, infraCooldownMs: 600_000 };

/** A job that was queued at t0 and never attempted, apart from `more`. */
export function jobChange(more: Partial<JobChange> = {}): JobChange {
  return {
    status: 'queued',
    crawlerStatus: null,
    retryCount: 0,
    infraRetry: null,
    backoff: null,
    lostInARow: 0,
    unreachableInARow: 0,
    lastError: null,
    queuedAtMs: t0,
    startedAtMs: null,
    finishedAtMs: null,
    ...more,
  };
}

export const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  maxRetries: fc.nat(5),
  backoffMs: fc.nat(3_600_000),
  infraCooldownMs: fc.nat(86_400_000),
});

/** Deadlines around t0; some lie further away than their length, as after a clock that was stepped back. */
export const deadlines: fc.Arbitrary<Deadline> = fc.record({
  atMs: fc.integer({ min: t0 - 10_000, max: t0 + 10_000 }),
  lengthMs: fc.oneof(fc.constant(0), fc.nat(10_000)),
});

const crawlEnds = [
  'success',
  'source_unreachable',
  'crawl_failure',
  'infra_error',
  'config_error',
  'interrupted',
  'lost',
  'cancelled',
] as const;

export const events: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.constantFrom<JobEvent>({ kind: 'claim' }, { kind: 'cancel' }, { kind: 'retry' }),
  fc.record({ kind: fc.constantFrom(...crawlEnds), because: fc.string() }),
);
