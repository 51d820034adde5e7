import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { advance, settle, type FileOutcome, type TestEvent } from '../runner/outcome.ts';
import { summarize, type SuiteOutcome } from '../runner/summary.ts';

type Complete = Extract<TestEvent, { kind: 'complete' }>;

const completed = (name: string, more: Partial<Complete> = {}): Complete => ({
  kind: 'complete',
  entry: 'a.test.ts',
  isEntryItself: false,
  name,
  isSuite: false,
  seconds: 0.1,
  skip: null,
  failure: null,
  ...more,
});
const fileItself = (more: Partial<Complete> = {}): Complete =>
  completed('a.test.ts', { isEntryItself: true, ...more });

function fold(...events: readonly TestEvent[]): FileOutcome {
  const [outcome] = settle(
    new Map([['a.test.ts', events.reduce<FileOutcome | undefined>(advance, undefined)]].filter(isPresent)),
    ['a.test.ts'],
    'It did not end.',
  );
  assert.ok(outcome);
  return outcome;
}

function isPresent(entry: (string | FileOutcome | undefined)[]): entry is [string, FileOutcome] {
  return entry[1] !== undefined;
}

const countsOf = ({ passed, failures, skips }: FileOutcome): number[] => [
  passed,
  failures.length,
  skips.length,
];

describe('the outcome of a test file', () => {
  const failure = { type: 'testCodeFailure', text: 'AssertionError' };
  const subtests = { type: 'subtestsFailed', text: '1 subtest failed' };
  const cases: [what: string, events: TestEvent[], counts: number[]][] = [
    ['tests that pass', [completed('one'), completed('two'), fileItself()], [2, 0, 0]],
    [
      'a group is no test',
      [completed('one'), completed('group', { isSuite: true }), fileItself()],
      [1, 0, 0],
    ],
    [
      'a failure counts once, not again for its group and its file',
      [
        completed('one', { failure }),
        completed('group', { isSuite: true, failure: subtests }),
        fileItself({ failure: subtests }),
      ],
      [0, 1, 0],
    ],
    ["a group's own hook fails", [completed('group', { isSuite: true, failure }), fileItself()], [0, 1, 0]],
    [
      'a skipped group counts once',
      [completed('group', { isSuite: true, skip: 'no root' }), fileItself()],
      [0, 0, 1],
    ],
    [
      'a failing test that is marked todo',
      [completed('one', { skip: 'todo', failure }), fileItself()],
      [0, 0, 1],
    ],
    ['a file that throws', [fileItself({ failure })], [0, 1, 0]],
    ['a file that throws after its tests', [completed('one'), fileItself({ failure })], [1, 1, 0]],
    ['a file without a test', [fileItself()], [0, 1, 0]],
    ['a file that never ends', [completed('one')], [1, 1, 0]],
    ['a file that was never begun', [], [0, 1, 0]],
  ];
  for (const [what, events, counts] of cases) {
    test(what, () => {
      assert.deepEqual(countsOf(fold(...events)), counts);
    });
  }

  test('keeps the end of what it printed', () => {
    const outcome = fold(
      { kind: 'output', entry: 'a.test.ts', text: 'x'.repeat(50_000) },
      { kind: 'output', entry: 'a.test.ts', text: 'the end\n' },
    );
    assert.match(outcome.output, /xthe end\n$/);
    assert.ok(outcome.output.length <= 20_000);
  });
});

describe('the summary', () => {
  const suite = (name: string, ...events: readonly TestEvent[]): SuiteOutcome => ({
    name,
    files: events.length === 0 ? [] : [fold(...events)],
    seconds: 1.25,
  });
  const good = suite('unit', completed('one'), fileItself());
  const skipping = suite(
    'lab',
    completed('a', { skip: 'the lab needs root' }),
    completed('b', { skip: 'the lab needs root' }),
    fileItself(),
  );
  const circumstances = { maySkip: false, omitted: [], complaints: [], seconds: 2 };

  test('ends with the numbers, alone on a line', () => {
    const { lines, isPassed } = summarize([good], circumstances);
    assert.equal(lines.at(-1), '1 passed, 0 failed, 0 skipped');
    assert.equal(isPassed, true);
    assert.equal(lines[1], 'unit       1       1       0        0      1.3');
  });

  test('a skip fails where everything can run', () => {
    const { lines, isPassed } = summarize([good, skipping], circumstances);
    assert.equal(isPassed, false);
    assert.ok(lines.includes('  lab: 2 skipped that can run here'));
  });

  test('a skip is allowed elsewhere, and its reason is named', () => {
    const { lines, isPassed } = summarize([good, skipping], { ...circumstances, maySkip: true });
    assert.equal(isPassed, true);
    assert.ok(lines.includes('  2 × the lab needs root'));
  });

  test('a suite that ran nothing fails', () => {
    assert.equal(summarize([good, suite('crawl')], circumstances).isPassed, false);
    assert.equal(summarize([], circumstances).isPassed, false);
  });

  test('what was left behind fails, and what was omitted is named', () => {
    const { lines, isPassed } = summarize([good], {
      maySkip: false,
      omitted: ['the long one: for time'],
      complaints: ['unit left x in the temporary folder'],
      seconds: 2,
    });
    assert.equal(isPassed, false);
    assert.ok(lines.includes('  the long one: for time'));
    assert.equal(lines.at(-1), '1 passed, 1 failed, 0 skipped');
  });
});
