import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jobStatuses, type JobStatus } from '../../../src/core/jobs/job.ts';
import { backoffAfter, lostAttemptsWithoutBackoff } from '../../../src/core/jobs/retry.ts';
import {
  isLegal,
  transition,
  type JobChange,
  type JobEvent,
  type JobEventKind,
} from '../../../src/core/jobs/transitions.ts';
import { events, jobChange, policies, policy, t0 } from './job-fixture.ts';

/** For every event, what it makes of a job in each state; a state that is not listed does not take it. */
const results: Record<JobEventKind, Partial<Record<JobStatus, JobStatus>>> = {
  claim: { queued: 'running', retryable: 'running' },
  success: { running: 'completed' },
  crawl_failure: { running: 'retryable' },
  infra_error: { running: 'retryable' },
  config_error: { running: 'failed' },
  interrupted: { running: 'retryable' },
  source_unreachable: { running: 'retryable' },
  lost: { running: 'retryable' },
  cancelled: { running: 'cancelled' },
  cancel: { queued: 'cancelled', retryable: 'cancelled' },
  retry: { retryable: 'retryable', completed: 'queued', failed: 'queued', cancelled: 'queued' },
};

const kinds = Object.keys(results) as JobEventKind[];

function event(kind: JobEventKind): JobEvent {
  return kind === 'claim' || kind === 'cancel' || kind === 'retry' ? { kind } : { kind, because: 'reason' };
}

for (const kind of kinds) {
  test(`${kind}: legal where the table says so, refused everywhere else`, () => {
    for (const status of jobStatuses) {
      const expected = results[kind][status];
      const job = jobChange({ status });
      assert.equal(isLegal(status, kind), expected !== undefined, `${status} + ${kind}`);
      if (expected !== undefined)
        assert.equal(transition(job, event(kind), policy, t0).status, expected, `${status} + ${kind}`);
      else assert.throws(() => transition(job, event(kind), policy, t0), /can't take/, `${status} + ${kind}`);
    }
  });
}

const running = jobChange({ status: 'running', startedAtMs: t0 - 5000, retryCount: 1, lostInARow: 2 });
const waiting = { infraRetry: { atMs: t0 + 1, lengthMs: 9 }, backoff: { atMs: t0 + 2, lengthMs: 9 } };

const changes: readonly (readonly [string, JobChange, JobEventKind, Partial<JobChange>])[] = [
  [
    'a claim ends all waiting and notes the start',
    jobChange({ status: 'retryable', finishedAtMs: t0 - 9, ...waiting }),
    'claim',
    { status: 'running', infraRetry: null, backoff: null, startedAtMs: t0, finishedAtMs: null },
  ],
  [
    'a source that is away uses no retry, and is waited for longer each time',
    { ...running, unreachableInARow: 2 },
    'source_unreachable',
    {
      status: 'retryable',
      crawlerStatus: 'source_unreachable',
      lostInARow: 0,
      unreachableInARow: 3,
      lastError: 'reason',
      backoff: { atMs: t0 + 240_000, lengthMs: 240_000 },
    },
  ],
  [
    'an interruption says nothing of the source',
    { ...running, unreachableInARow: 2 },
    'interrupted',
    { status: 'retryable', crawlerStatus: 'interrupted', lostInARow: 0, lastError: 'reason' },
  ],
  [
    'a source that answered is away anew when it is away again',
    { ...running, unreachableInARow: 2 },
    'success',
    { status: 'completed', crawlerStatus: 'success', lostInARow: 0, unreachableInARow: 0, finishedAtMs: t0 },
  ],
  [
    'success clears the last error and keeps the used retries for the record',
    { ...running, lastError: 'before' },
    'success',
    { status: 'completed', crawlerStatus: 'success', lastError: null, finishedAtMs: t0, lostInARow: 0 },
  ],
  [
    'a crawl failure uses one retry and waits for the backoff, doubled',
    running,
    'crawl_failure',
    {
      status: 'retryable',
      crawlerStatus: 'failed',
      retryCount: 2,
      lostInARow: 0,
      lastError: 'reason',
      backoff: { atMs: t0 + 120_000, lengthMs: 120_000 },
    },
  ],
  [
    'a crawl failure beyond the budget gives up',
    { ...running, retryCount: 2 },
    'crawl_failure',
    { status: 'failed', crawlerStatus: 'failed', lastError: 'reason', finishedAtMs: t0, lostInARow: 0 },
  ],
  [
    'an infra error waits for the cooldown and uses no retry',
    running,
    'infra_error',
    {
      status: 'retryable',
      crawlerStatus: 'infra_error',
      lastError: 'reason',
      lostInARow: 0,
      infraRetry: { atMs: t0 + 600_000, lengthMs: 600_000 },
    },
  ],
  [
    'a config error gives up at once and uses no retry',
    running,
    'config_error',
    { status: 'failed', crawlerStatus: 'config_error', lastError: 'reason', finishedAtMs: t0, lostInARow: 0 },
  ],
  [
    'an interrupted attempt waits for nothing',
    running,
    'interrupted',
    { status: 'retryable', crawlerStatus: 'interrupted', lastError: 'reason', lostInARow: 0 },
  ],
  [
    'a lost attempt is counted',
    running,
    'lost',
    { status: 'retryable', crawlerStatus: 'interrupted', lastError: 'reason', lostInARow: 3 },
  ],
  [
    'a running job that is cancelled ends cancelled',
    running,
    'cancelled',
    {
      status: 'cancelled',
      crawlerStatus: 'interrupted',
      lastError: 'reason',
      finishedAtMs: t0,
      lostInARow: 0,
    },
  ],
  [
    'cancel ends a wait',
    jobChange({ status: 'retryable', crawlerStatus: 'failed', ...waiting }),
    'cancel',
    { status: 'cancelled', infraRetry: null, backoff: null, finishedAtMs: t0 },
  ],
  [
    'retry of a retryable job ends its wait; its place in the queue and its used retries stay',
    jobChange({ status: 'retryable', retryCount: 1, queuedAtMs: t0 - 99, lostInARow: 4, ...waiting }),
    'retry',
    { infraRetry: null, backoff: null, lostInARow: 0 },
  ],
  [
    'retry of a failed job gives it a new budget and a place at the end of the queue',
    jobChange({
      status: 'failed',
      crawlerStatus: 'failed',
      retryCount: 2,
      queuedAtMs: t0 - 99,
      startedAtMs: t0 - 50,
      finishedAtMs: t0 - 9,
    }),
    'retry',
    { status: 'queued', retryCount: 0, queuedAtMs: t0, startedAtMs: null, finishedAtMs: null },
  ],
];

for (const [name, before, kind, changed] of changes) {
  test(name, () => {
    assert.deepEqual(transition(before, event(kind), policy, t0), { ...before, ...changed });
  });
}

test('workers that die under a job: the first few cost it nothing, then the wait doubles', () => {
  let job = jobChange();
  const waits: (number | null)[] = [];
  for (let attempt = 1; attempt <= lostAttemptsWithoutBackoff + 3; attempt++) {
    job = transition(transition(job, event('claim'), policy, t0), event('lost'), policy, t0);
    waits.push(job.backoff?.lengthMs ?? null);
  }
  assert.deepEqual(waits, [null, null, null, 60_000, 120_000, 240_000]);
  assert.equal(job.retryCount, 0);
});

/** Runs the legal ones of `sequence` on a fresh job, one every second, and shows each step to `check`. */
function play(
  sequence: readonly JobEvent[],
  given: typeof policy,
  check: (before: JobChange, event: JobEvent, after: JobChange, nowMs: number) => void,
): void {
  let job = jobChange();
  let nowMs = t0;
  for (const next of sequence) {
    nowMs += 1000;
    if (!isLegal(job.status, next.kind)) continue;
    const after = transition(job, next, given, nowMs);
    check(job, next, after, nowMs);
    job = after;
  }
}

const sequences = fc.array(events, { maxLength: 60 });

test('property: the retry budget is never exceeded, and only crawl failures use it', () => {
  fc.assert(
    fc.property(sequences, policies, (sequence, given) => {
      play(sequence, given, (before, { kind }, after) => {
        assert.ok(after.retryCount <= given.maxRetries, `${after.retryCount} of ${given.maxRetries} retries`);
        if (kind === 'crawl_failure')
          assert.equal(after.status === 'failed', before.retryCount >= given.maxRetries);
        else if (kind !== 'retry') assert.equal(after.retryCount, before.retryCount, kind);
      });
    }),
  );
});

test('property: a job that ran out of crawl failures was attempted exactly max_retries + 1 times', () => {
  fc.assert(
    fc.property(policies, (given) => {
      let job = jobChange();
      let failures = 0;
      while (job.status !== 'failed') {
        job = transition(transition(job, event('claim'), given, t0), event('crawl_failure'), given, t0);
        failures += 1;
      }
      assert.equal(failures, given.maxRetries + 1);
    }),
  );
});

test('property: only a waiting job has deadlines, and each lies exactly its own length away when it is made', () => {
  fc.assert(
    fc.property(sequences, policies, (sequence, given) => {
      play(sequence, given, (before, next, after, nowMs) => {
        for (const key of ['infraRetry', 'backoff'] as const) {
          const made = after[key];
          if (made === null) continue;
          assert.equal(
            after.status,
            'retryable',
            `${next.kind} left a deadline on a job that is ${after.status}`,
          );
          if (made !== before[key]) assert.equal(made.atMs, nowMs + made.lengthMs, next.kind);
        }
      });
    }),
  );
});

test('property: times tell the truth: started while running, finished exactly in the final states', () => {
  fc.assert(
    fc.property(sequences, policies, (sequence, given) => {
      play(sequence, given, (_before, next, after) => {
        const isFinal = ['completed', 'failed', 'cancelled'].includes(after.status);
        assert.equal(after.finishedAtMs !== null, isFinal, `${next.kind} to ${after.status}`);
        if (after.status === 'running') assert.notEqual(after.startedAtMs, null);
      });
    }),
  );
});

test('property: a job whose workers keep dying under it is soon attempted at most once per backoff', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), policies, (lost, given) => {
      const before = jobChange({ status: 'running', lostInARow: lost - 1 });
      const { backoff } = transition(before, event('lost'), given, t0);
      const excess = lost - lostAttemptsWithoutBackoff;
      assert.equal(backoff?.lengthMs ?? null, excess > 0 ? backoffAfter(excess, given) : null);
    }),
  );
});
