import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { classifyAttempt, type AttemptEnd } from '../../../src/core/attempts/classify.ts';
import type { CrawlerExit, ExitRecord } from '../../../src/core/attempts/exit-record.ts';
import { endReasons, type AttemptOutcome } from '../../../src/core/attempts/judgement.ts';
import { storageStates } from '../../../src/core/storage/path-state.ts';
import { outcomeCases, record } from './outcome-cases.ts';

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
  const because = (changes: Partial<ExitRecord>, crawler: AttemptEnd['crawler'] = 'wget'): string =>
    classifyAttempt({ record: record(changes), reason: 'none', storageAfter: 'healthy', crawler }).because;
  const missing = (program: string): Partial<ExitRecord> => ({
    exit: { kind: 'not_started', program, errno: 'ENOENT' },
    archived: null,
  });
  assert.match(because(missing('wget')), /apt-get install wget\b/);
  assert.match(because(missing('podman')), /apt-get install podman\b/);
  assert.match(because(missing('docker')), /apt-get install docker\.io\b/);
  assert.match(because({ exit: { kind: 'exited', code: 125 } }, 'container'), /podman pull/);
  const away = { seed: 'http://a.example/', location: 'https://www.b.example/' };
  const none = { warcFiles: 1, warcBytes: 9, pages: 1, errorPages: 0, pagesInScope: 0, revisits: 0 };
  assert.match(
    because({ seedRedirects: [away], archived: none }),
    /redirects .* https:\/\/www\.b\.example\/; add that/,
  );
  assert.match(
    because({ exit: { kind: 'storage_error', operation: 'x', errno: 'EACCES' }, archived: null }),
    /allow_other/,
  );
  assert.match(because({}), /40 URLs, 1 with an error status/);
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
    program: fc.constantFrom('wget', 'podman', 'x'),
    errno: anyErrno,
  }),
  fc.record({ kind: fc.constant('storage_error' as const), operation: fc.string(), errno: anyErrno }),
  fc.record({ kind: fc.constant('wrong_storage' as const), detail: fc.string() }),
);
const count = fc.nat({ max: 5 });
const anyRecord: fc.Arbitrary<ExitRecord> = fc
  .record({
    exit: anyExit,
    workerLost: fc.boolean(),
    archiveUnwritable: fc.boolean(),
    storageErrnos: fc.array(anyErrno, { maxLength: 2 }),
    seedRedirects: fc.array(fc.record({ seed: fc.webUrl(), location: fc.string() }), { maxLength: 1 }),
    archived: fc.option(
      fc.record({
        warcFiles: count,
        warcBytes: count,
        pages: count,
        errorPages: count,
        pagesInScope: count,
        revisits: count,
      }),
    ),
  })
  .map((changes) => record(changes));
const anyEnd: fc.Arbitrary<AttemptEnd> = fc.record({
  record: fc.option(anyRecord),
  reason: fc.constantFrom(...endReasons),
  storageAfter: fc.option(fc.constantFrom(...storageStates)),
  crawler: fc.constantFrom('wget', 'container'),
});

const outcomes: readonly AttemptOutcome[] = [
  ...(['success', 'crawl_failure', 'infra_error', 'config_error', 'interrupted', 'cancelled'] as const),
];

function holds(property: (end: AttemptEnd, outcome: AttemptOutcome) => boolean): void {
  fc.assert(
    fc.property(anyEnd, (end) => property(end, classifyAttempt(end).outcome)),
    { numRuns: 2000 },
  );
}

test('every end has an outcome and a sentence', () => {
  holds((end, outcome) => outcomes.includes(outcome) && classifyAttempt(end).because.length > 10);
});

test('a sign of bad storage never uses the retry budget and never fails the job', () => {
  const hasSign = ({ record: left, reason, storageAfter }: AttemptEnd): boolean =>
    reason === 'dead_storage' ||
    left === null ||
    left.storageErrnos.length > 0 ||
    left.archiveUnwritable ||
    left.exit.kind === 'wrong_storage' ||
    (left.exit.kind === 'signaled' && storageAfter !== null && storageAfter !== 'healthy');
  holds((end, outcome) => !hasSign(end) || !['crawl_failure', 'config_error'].includes(outcome));
});

test('a cancelled job is cancelled, and only such a one', () => {
  holds((end, outcome) => (end.reason === 'cancel') === (outcome === 'cancelled'));
});

test('nothing is a success without WARC files that were counted, a clean end and clean storage', () => {
  holds(
    ({ record: left }, outcome) =>
      outcome !== 'success' ||
      (left?.exit.kind === 'exited' &&
        (left.archived?.warcFiles ?? 0) > 0 &&
        left.storageErrnos.length === 0 &&
        !left.archiveUnwritable),
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
