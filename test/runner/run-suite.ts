/** Runs one suite, its files as `node --test`, and says how each file went as soon as it has ended. */
import { once } from 'node:events';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { inLanes } from '../../src/core/in-lanes.ts';
import { end, start } from './children.ts';
import { advance, settle, type FileOutcome, type TestEvent } from './outcome.ts';
import type { SuiteOutcome } from './summary.ts';
import type { Suite } from './suites.ts';

const reporter = join(import.meta.dirname, 'event-reporter.ts');

export async function runSuite(
  suite: Suite,
  checkout: string,
  environment: NodeJS.ProcessEnv,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<SuiteOutcome> {
  const begin = performance.now();
  let why = 'It did not come to its end.';
  const running = new Set<ReturnType<typeof start>>();
  let isOver = false;
  const limit = setTimeout(() => {
    why = `It had not ended after the ${suite.limitSeconds} s that its suite may take.`;
    isOver = true;
    for (const child of running) void end(child);
  }, suite.limitSeconds * 1000);

  const outcomes = new Map<string, FileOutcome>();
  const runFiles = async (files: readonly string[], concurrency: number): Promise<void> => {
    if (isOver || stop.aborted) return;
    const argv = [
      ...(suite.beside === null ? [] : ['nice', '-n', '19']),
      process.execPath,
      '--test',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${suite.testTimeoutSeconds * 1000}`,
      `--test-reporter=${reporter}`,
      ...files,
    ];
    const child = start(argv, environment, checkout);
    running.add(child);
    const closed = once(child, 'close');
    for await (const line of createInterface({ input: child.stdout })) {
      const event = parseEvent(line, checkout);
      if (event === null) {
        // Not of the reporter: node itself has something to say.
        say(`    ${line}`);
        continue;
      }
      const outcome = advance(outcomes.get(event.entry), event);
      outcomes.set(event.entry, outcome);
      if (event.kind === 'complete' && event.isEntryItself) say(fileLine(outcome));
    }
    await closed;
    running.delete(child);
  };
  // Given several files, node runs them in the order of their names; the longest would come last.
  if (suite.hasManyShort) await runFiles(suite.files, suite.concurrency);
  else await inLanes(suite.files, suite.concurrency, (file) => runFiles([file], 1));
  clearTimeout(limit);
  const files = settle(outcomes, suite.files, why);
  // What somebody stopped has not failed.
  if (!stop.aborted) for (const line of files.flatMap(failureLines)) say(line);
  return { name: suite.name, files, seconds: (performance.now() - begin) / 1000 };
}

function parseEvent(line: string, checkout: string): TestEvent | null {
  try {
    const event = JSON.parse(line) as TestEvent;
    return { ...event, entry: relative(checkout, event.entry) };
  } catch {
    return null;
  }
}

function fileLine({ file, passed, failures, skips, seconds }: FileOutcome): string {
  const counts = [`${passed} passed`];
  if (failures.length > 0) counts.push(`${failures.length} FAILED`);
  if (skips.length > 0) counts.push(`${skips.length} skipped`);
  return `  ${failures.length > 0 ? '✘' : '✔'} ${file.padEnd(48)} ${counts.join(', ')} (${(seconds ?? 0).toFixed(1)} s)`;
}

function failureLines({ file, failures, output }: FileOutcome): string[] {
  if (failures.length === 0) return [];
  const lines = failures.flatMap(({ name, text }) => [
    '',
    `  ✘ ${file}: ${name}`,
    ...text.split('\n').map((line) => `      ${line}`),
  ]);
  if (output.trim() === '') return lines;
  const printed = stripVTControlCharacters(output).trimEnd().split('\n');
  return [...lines, '', `    ${file} printed:`, ...printed.map((line) => `      ${line}`)];
}
