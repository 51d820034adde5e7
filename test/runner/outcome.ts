/** The events of one `node --test` run, folded into what a person wants to know about it. Pure. */

export type TestEvent =
  | {
      readonly kind: 'complete';
      /** The test file that node was given. */
      readonly entry: string;
      /** True for the file as a whole, which node reports like a test. */
      readonly isEntryItself: boolean;
      readonly name: string;
      readonly isSuite: boolean;
      readonly seconds: number;
      readonly skip: string | null;
      readonly failure: { readonly type: string; readonly text: string } | null;
    }
  | { readonly kind: 'output'; readonly entry: string; readonly text: string };

export interface FileOutcome {
  readonly file: string;
  readonly passed: number;
  readonly failures: readonly { readonly name: string; readonly text: string }[];
  /** A skipped group counts once, as its tests are never made. */
  readonly skips: readonly { readonly name: string; readonly reason: string }[];
  /** Null until it has ended. */
  readonly seconds: number | null;
  readonly output: string;
}

const MAX_OUTPUT_CHARACTERS = 20_000;

const nothingYet = (file: string): FileOutcome => ({
  file,
  passed: 0,
  failures: [],
  skips: [],
  seconds: null,
  output: '',
});

/** The outcome of a file after one more of its events. */
export function advance(before: FileOutcome | undefined, event: TestEvent): FileOutcome {
  const outcome = before ?? nothingYet(event.entry);
  if (event.kind === 'output') {
    // Its end tells more than its beginning.
    return { ...outcome, output: (outcome.output + event.text).slice(-MAX_OUTPUT_CHARACTERS) };
  }
  return event.isEntryItself ? afterFile(outcome, event) : afterTest(outcome, event);
}

type Complete = Extract<TestEvent, { kind: 'complete' }>;

function afterTest(outcome: FileOutcome, { name, isSuite, skip, failure }: Complete): FileOutcome {
  if (skip !== null) return { ...outcome, skips: [...outcome.skips, { name, reason: skip }] };
  if (failure === null) return isSuite ? outcome : { ...outcome, passed: outcome.passed + 1 };
  // A group fails with its tests, which were counted; only a failure of its own (a hook) is news.
  if (failure.type === 'subtestsFailed') return outcome;
  return { ...outcome, failures: [...outcome.failures, { name, text: failure.text }] };
}

function afterFile(outcome: FileOutcome, { seconds, failure }: Complete): FileOutcome {
  const ended = { ...outcome, seconds };
  const failWith = (text: string): FileOutcome => ({
    ...ended,
    failures: [...outcome.failures, { name: 'the file as a whole', text }],
  });
  if (failure !== null && failure.type !== 'subtestsFailed') return failWith(failure.text);
  const count = outcome.passed + outcome.failures.length + outcome.skips.length;
  return count === 0 ? failWith('There is no test in it.') : ended;
}

/** Files that did not end, and files that were never begun, have failed. */
export function settle(
  outcomes: ReadonlyMap<string, FileOutcome>,
  files: readonly string[],
  why: string,
): FileOutcome[] {
  return files.map((file) => {
    const outcome = outcomes.get(file) ?? nothingYet(file);
    if (outcome.seconds !== null) return outcome;
    return { ...outcome, failures: [...outcome.failures, { name: 'the file as a whole', text: why }] };
  });
}
