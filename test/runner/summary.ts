/** What is said at the end of script/test, and whether it passed. Pure. */
import type { FileOutcome } from './outcome.ts';

export interface SuiteOutcome {
  readonly name: string;
  readonly files: readonly FileOutcome[];
  readonly seconds: number;
}

export interface Circumstances {
  /** Where everything can run nothing may be skipped; elsewhere (no root, no /dev/fuse) skipping is honest. */
  readonly maySkip: boolean;
  /** One sentence for each thing that was left out, with its reason. */
  readonly omitted: readonly string[];
  /** Failures outside of any test, e.g. files left in the temporary folder. */
  readonly complaints: readonly string[];
  /** All of it took so long; some suites run side by side. */
  readonly seconds: number;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Summary {
  readonly lines: readonly string[];
  readonly isPassed: boolean;
}

export function summarize(suites: readonly SuiteOutcome[], circumstances: Circumstances): Summary {
  const rows = suites.map((suite) => ({ suite, counts: countsOf(suite) }));
  const total = rows.map(({ counts }) => counts).reduce(add, { passed: 0, failed: 0, skipped: 0 });
  const problems = [...problemsOf(rows, circumstances), ...circumstances.complaints];
  const failed = total.failed + problems.length;
  return {
    lines: [
      ...table([
        ['SUITE', 'TESTS', 'PASSED', 'FAILED', 'SKIPPED', 'SECONDS'],
        ...rows.map(({ suite, counts }) => row(suite.name, counts, suite.seconds)),
        row('all', total, circumstances.seconds),
      ]),
      '',
      ...section('Skipped:', skipReasons(suites)),
      ...section('Omitted:', circumstances.omitted),
      ...section('Failed beside the tests:', problems),
      `${total.passed} passed, ${failed} failed, ${total.skipped} skipped`,
    ],
    isPassed: failed === 0 && total.passed > 0,
  };
}

function countsOf({ files }: SuiteOutcome): Counts {
  return files
    .map(({ passed, failures, skips }) => ({ passed, failed: failures.length, skipped: skips.length }))
    .reduce(add, { passed: 0, failed: 0, skipped: 0 });
}

function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function problemsOf(
  rows: readonly { suite: SuiteOutcome; counts: Counts }[],
  { maySkip }: Circumstances,
): string[] {
  return rows.flatMap(({ suite, counts: { passed, failed, skipped } }) => {
    const problems: string[] = [];
    if (passed + failed === 0 && !(maySkip && skipped > 0)) problems.push(`${suite.name}: no test was run`);
    if (skipped > 0 && !maySkip) problems.push(`${suite.name}: ${skipped} skipped that can run here`);
    return problems;
  });
}

/** `3 × the lab needs root`, the most frequent first. */
function skipReasons(suites: readonly SuiteOutcome[]): string[] {
  const skips = suites.flatMap(({ files }) => files.flatMap((file) => file.skips));
  const byReason = Object.entries(Object.groupBy(skips, ({ reason }) => reason));
  return byReason
    .map(([reason, of = []]) => ({ reason, count: of.length }))
    .sort((a, b) => b.count - a.count)
    .map(({ reason, count }) => `${count} × ${reason}`);
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`), ''];
}

function row(name: string, { passed, failed, skipped }: Counts, seconds: number): string[] {
  return [name, ...[passed + failed + skipped, passed, failed, skipped].map(String), seconds.toFixed(1)];
}

function table(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}
