/**
 * Behind script/test: the linters, the unit tests, then everything slower, each as one run; at the end a table, what
 * was left out and why, and one line with the numbers.
 */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { inLanes } from '../../src/core/in-lanes.ts';
import { endAll } from './children.ts';
import { runCommand, type Command } from './run-command.ts';
import { runSuite } from './run-suite.ts';
import { findSuites, shortenedFiles } from './suites.ts';
import { summarize, type SuiteOutcome } from './summary.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const checkout = dirname(dirname(import.meta.dirname));
const isFull = process.argv.includes('--full');
const stop = new AbortController();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const CHECKS: readonly Command[] = ['typecheck', 'format:check'].map((script) => ({
  name: `npm run ${script}`,
  argv: ['npm', 'run', '--silent', script],
  limitSeconds: 300,
}));
/** It takes long and only computes, so it runs beside the lab, which mostly waits, with what that leaves of the cores. */
const LINT: Command = {
  name: 'npm run lint',
  argv: ['nice', '-n', '19', 'npm', 'run', '--silent', 'lint'],
  limitSeconds: 1200,
};
const DEMOS: readonly Command[] = [
  { name: 'script/demo', argv: ['script/demo'], limitSeconds: 240 },
  { name: 'script/demo --here', argv: ['script/demo', '--here'], limitSeconds: 240 },
];

/** True when everything that can run here was run and passed. */
async function main(temporary: TemporaryFolder): Promise<boolean> {
  const maySkip = !canRunEverything();
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    TMPDIR: temporary.path,
    // tsc would keep one in the temporary folder.
    NODE_DISABLE_COMPILE_CACHE: '1',
    ...(maySkip ? {} : { HEALTHARCHIVE_TEST_SKIP_NOTHING: '1' }),
    ...(isFull ? { HEALTHARCHIVE_TEST_FULL: '1' } : {}),
  };
  const outcomes: SuiteOutcome[] = [];
  const complaints: string[] = [];
  const begin = performance.now();
  const run = async (name: string, suites: () => Promise<readonly SuiteOutcome[]>): Promise<void> => {
    say(`${outcomes.length === 0 ? '' : '\n'}${name}`);
    outcomes.push(...(await suites()));
    const leftovers = await temporary.empty();
    complaints.push(...leftovers.map((file) => `${name} left ${file} in the temporary folder`));
    stop.signal.throwIfAborted();
  };
  const runCommands = async (name: string, commands: readonly Command[]): Promise<SuiteOutcome> => {
    const begin = performance.now();
    const files = await inLanes(commands, 2, async (command) => {
      stop.signal.throwIfAborted();
      return await runCommand(command, checkout, environment, say, stop.signal);
    });
    return { name, files, seconds: (performance.now() - begin) / 1000 };
  };

  await run('check', async () => [await runCommands('check', CHECKS)]);
  const suites = findSuites(checkout, isFull);
  for (const suite of suites.filter(({ beside }) => beside === null)) {
    const together = [suite, ...suites.filter(({ beside }) => beside === suite.name)];
    const lint = suite.name === 'lab' ? [runCommands.bind(null, 'lint', [LINT])] : [];
    await run(
      [...together.map(({ name }) => name), ...lint.map(() => 'lint')].join(', beside it '),
      async () =>
        Promise.all([
          ...together.map((each) => runSuite(each, checkout, environment, say, stop.signal)),
          ...lint.map((start) => start()),
        ]),
    );
  }
  await run('demo', async () => [await runCommands('demo', DEMOS)]);

  const shortened = isFull ? [] : shortenedFiles(checkout, suites);
  const omitted = shortened.map((file) => `${file}: fewer rounds than with script/test --full, for time`);
  const seconds = (performance.now() - begin) / 1000;
  const { lines, isPassed } = summarize(outcomes, { maySkip, omitted, complaints, seconds });
  say('');
  for (const line of lines) say(line);
  return isPassed;
}

/** Root with /dev/fuse can do all that the lab does. */
function canRunEverything(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

for (const [signal, status] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.on(signal, () => {
    if (stop.signal.aborted) return;
    stop.abort();
    process.exitCode = status;
    say(`\nscript/test: ${signal}; ending what runs`);
    void endAll();
  });
}
// A terminal that was closed must not keep it from ending its children.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

const temporary = await TemporaryFolder.make();
try {
  const isPassed = await main(temporary);
  process.exitCode ??= isPassed ? 0 : 1;
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  await temporary.remove();
}
