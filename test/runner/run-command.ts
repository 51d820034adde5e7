/** A command that passes or fails as a whole (a linter, the demo), as a suite of such. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { end, start } from './children.ts';
import type { FileOutcome } from './outcome.ts';

export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly limitSeconds: number;
}

export async function runCommand(
  { name, argv, limitSeconds }: Command,
  checkout: string,
  environment: NodeJS.ProcessEnv,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<FileOutcome> {
  const begin = performance.now();
  const child = start(argv, environment, checkout);
  const limit = setTimeout(() => void end(child), limitSeconds * 1000);
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  clearTimeout(limit);
  const seconds = (performance.now() - begin) / 1000;
  stop.throwIfAborted();
  const isPassed = child.exitCode === 0;
  say(
    `  ${isPassed ? '✔' : '✘'} ${name.padEnd(48)} ${isPassed ? 'passed' : 'FAILED'} (${seconds.toFixed(1)} s)`,
  );
  if (!isPassed) for (const line of output.trimEnd().split('\n')) say(`      ${line}`);
  const failure = { name, text: `ended with ${child.signalCode ?? `status ${String(child.exitCode)}`}` };
  return {
    file: name,
    passed: isPassed ? 1 : 0,
    failures: isPassed ? [] : [failure],
    skips: [],
    seconds,
    output,
  };
}
