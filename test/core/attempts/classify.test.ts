import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AttemptEnd, classifyAttempt } from '../../../src/core/attempts/classify.ts';
import {
  type AttemptOutcome,
  attemptOutcomes,
  type CrawlerExit,
  endReasons,
  type ExitRecord,
} from '../../../src/core/attempts/attempt-end.ts';
import { storageStates } from '../../../src/core/storage/path-state.ts';
import type { CrawlEnd, CrawlReport } from '../../../src/core/crawler/crawl-report.ts';
import { outcomeCases, record, report, summary } from './outcome-cases.ts';

for (const { about, seen, outcome, end } of outcomeCases) {
  test(`${about}: ${seen}: ${outcome}`, () => {
    assert.equal(classifyAttempt(end).outcome, outcome);
  });
}

test('the tables in docs/attempt-outcomes.md are these cases', () => {
  const document = readFileSync(new URL('../../../docs/attempt-outcomes.md', import.meta.url), 'utf8');
  const rows = document.split('\n').flatMap((line) => {
    const [, seen, outcome] = /^\| (.+?) +\| `(\w+)` +\|$/.exec(line) ?? [];
    return seen === undefined || outcome === undefined ? [] : [`${seen}: ${outcome}`];
  });
  assert.deepEqual(
    rows,
    outcomeCases.map(({ seen, outcome }) => `${seen}: ${outcome}`),
  );
});

test('the sentence says what to do', () => {
  const because = (changes: Partial<ExitRecord>, crawler: AttemptEnd['crawler'] = 'http'): string =>
    classifyAttempt({ record: record(changes), reason: 'none', storageAfter: 'healthy', crawler }).because;
  const missing = (program: string): Partial<ExitRecord> => ({
    exit: { kind: 'not_started', program, errno: 'ENOENT' },
    archived: null,
  });
  assert.match(because(missing('podman')), /apt-get install podman\b/);
  assert.match(because(missing('docker')), /apt-get install docker\.io\b/);
  assert.match(because({ exit: { kind: 'exited', code: 125 } }, 'container'), /podman pull/);
  const moved = { seed: 'http://a.example/', url: 'https://www.b.example/', state: 'outside' } as const;
  const seeds = [{ ...moved, status: null, because: null }];
  assert.match(
    because({ crawl: report({ summary: summary({ seeds }) }) }),
    /http:\/\/a\.example\/ redirects .* https:\/\/www\.b\.example\/: give that/,
  );
  const barred = [
    { ...moved, state: 'barred', url: moved.seed, status: null, because: 'robots.txt' },
  ] as const;
  assert.match(
    because({ crawl: report({ summary: summary({ seeds: barred, pagesInScope: 0 }) }) }),
    /barred \(robots\.txt\)/,
  );
  assert.match(
    because({ crawl: report({ summary: summary({ pagesInScope: 1, nofollow: 1 }) }) }),
    /one page only, which asks not to be followed/,
  );
  assert.match(because({ crawl: report({ frontier: 'lost' }) }), /was lost, so all was asked for again/);
  const failed = [{ url: 'http://a.example/x', because: 'reset' }];
  const named = report({
    counts: { queued: 0, archived: 500, failed: 1, barred: 0 },
    summary: summary({ failedInScope: 1, failed }),
  });
  assert.match(because({ crawl: named }), /Failed for good: http:\/\/a\.example\/x \(reset\)/);
  assert.match(
    because({ exit: { kind: 'storage_error', operation: 'x', errno: 'EACCES' }, archived: null }),
    /allow_other/,
  );
  assert.match(because({}), /Archived: 41 URLs; by this attempt 40, 1 with an error status/);
});

const anyErrno = fc.constantFrom(
  'ENOTCONN',
  'EIO',
  'ENOSPC',
  'EROFS',
  'ESTALE',
  'EACCES',
  'ENOENT',
  'EEXIST',
  'EAGAIN',
);
const anyExit: fc.Arbitrary<CrawlerExit> = fc.oneof(
  fc.record({ kind: fc.constant('exited' as const), code: fc.integer({ min: 0, max: 255 }) }),
  fc.record({
    kind: fc.constant('signaled' as const),
    signal: fc.constantFrom('SIGTERM', 'SIGKILL', 'SIGSEGV'),
  }),
  fc.record({
    kind: fc.constant('not_started' as const),
    program: fc.constantFrom('podman', 'x'),
    errno: anyErrno,
  }),
  fc.record({ kind: fc.constant('storage_error' as const), operation: fc.string(), errno: anyErrno }),
  fc.record({ kind: fc.constant('wrong_storage' as const), detail: fc.string() }),
);
const count = fc.nat({ max: 5 });
const anyReport: fc.Arbitrary<CrawlReport> = fc
  .record({
    end: fc.option(
      fc.constantFrom<CrawlEnd>(
        { kind: 'complete' },
        { kind: 'stopped' },
        { kind: 'source_unreachable', because: 'x' },
        { kind: 'error', errno: null, because: 'x' },
      ),
    ),
    summary: fc.option(
      fc
        .record({ pagesInScope: count, failedInScope: fc.nat({ max: 20 }), cut: count, nofollow: count })
        .map((changes) => summary(changes)),
    ),
  })
  .map((changes) => report(changes));
const anyRecord: fc.Arbitrary<ExitRecord> = fc
  .record({
    exit: anyExit,
    workerLost: fc.boolean(),
    storageErrnos: fc.array(anyErrno, { maxLength: 2 }),
    crawl: fc.option(anyReport),
    archived: fc.option(fc.record({ warcFiles: count, warcBytes: count })),
  })
  .map((changes) => record(changes));
const anyEnd: fc.Arbitrary<AttemptEnd> = fc.record({
  record: fc.option(anyRecord),
  reason: fc.constantFrom(...endReasons),
  storageAfter: fc.option(fc.constantFrom(...storageStates)),
  crawler: fc.constantFrom('http', 'container'),
});

function holds(property: (end: AttemptEnd, outcome: AttemptOutcome) => boolean): void {
  fc.assert(
    fc.property(anyEnd, (end) => property(end, classifyAttempt(end).outcome)),
    { numRuns: 2000 },
  );
}

test('every end has an outcome and a sentence', () => {
  holds((end, outcome) => attemptOutcomes.includes(outcome) && classifyAttempt(end).because.length > 10);
});

test('a sign of bad storage never uses the retry budget and never fails the job', () => {
  const hasSign = ({ record: left, reason, storageAfter }: AttemptEnd): boolean =>
    reason === 'dead_storage' ||
    // Of one that stood still on storage that is well, nothing else is known.
    (left === null && reason !== 'stalled') ||
    (left !== null &&
      (left.storageErrnos.length > 0 ||
        left.exit.kind === 'wrong_storage' ||
        (left.exit.kind === 'signaled' && storageAfter !== null && storageAfter !== 'healthy')));
  holds((end, outcome) => !hasSign(end) || !['crawl_failure', 'config_error'].includes(outcome));
});

test('a cancelled job is cancelled, and only such a one', () => {
  holds((end, outcome) => (end.reason === 'cancel') === (outcome === 'cancelled'));
});

test('nothing is a success without a clean end and clean storage that took all of it', () => {
  holds(
    ({ record: left }, outcome) =>
      outcome !== 'success' ||
      (left?.exit.kind === 'exited' && left.archived !== null && left.storageErrnos.length === 0),
  );
});

test('stopping a worker never costs a try of a crawl that it cut short', () => {
  holds(
    ({ record: left, reason }, outcome) =>
      reason !== 'shutdown' ||
      (left !== null && left.exit.kind !== 'signaled') ||
      ['interrupted', 'infra_error'].includes(outcome),
  );
});
