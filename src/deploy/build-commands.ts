import { appendFileSync, writeFileSync } from 'node:fs';
import { OperatorError } from '../core/errors.ts';
import { redact } from '../core/text/redact.ts';
import { runCommand } from '../effects/command.ts';

/** What a command said. */
export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command of a deploy.
 * @param deadlineMs after which it and all that it started are ended
 * @throws OperatorError with the last lines of what it said, unless it may fail
 */
export type RunBuildCommand = (
  argv: readonly [string, ...string[]],
  deadlineMs: number,
  options?: {
    readonly mayFail?: boolean;
    /** Takes only what crawls leave of the processor (nice(1)). */
    readonly isGentle?: boolean;
  },
) => Promise<Said>;

export interface BuildCommandOptions {
  /** Where everything that is said is kept; null: nowhere. */
  readonly logFile: string | null;
  /** Of the deploy lock: held by what was started as well, so that nobody clears away under a command that outlived its deploy. */
  readonly lockFd: number | null;
  readonly signal?: AbortSignal;
  /** What is in the log already stays. */
  readonly isContinued?: boolean;
}

const maxOutputBytes = 8 * 1024 * 1024;
const killGraceSeconds = 10;
const linesShown = 20;
const gently = ['nice', '-n', '10'] as const;

/** Starts the log anew, unless it is continued. */
export function buildCommands({
  logFile,
  lockFd,
  signal,
  isContinued = false,
}: BuildCommandOptions): RunBuildCommand {
  /** A full disk, say, must not be what a deploy fails for, half-way: what failed says so itself. */
  const log = (text: string, write: typeof appendFileSync): void => {
    try {
      if (logFile !== null) write(logFile, text, { mode: 0o600 });
    } catch {
      // It is not read, then.
    }
  };
  if (!isContinued) log('', writeFileSync);
  return async (argv, deadlineMs, { mayFail = false, isGentle = false } = {}) => {
    // A group of its own (timeout(1)): it ends as a whole, and what a person types into the terminal does not end it half-way.
    const seconds = Math.ceil(deadlineMs / 1000);
    const limit = ['timeout', `--kill-after=${killGraceSeconds}`, String(seconds)] as const;
    const result = await runCommand(isGentle ? [...gently, ...limit, ...argv] : [...limit, ...argv], {
      deadlineMs: deadlineMs + 5000,
      killGraceMs: (killGraceSeconds + 2) * 1000,
      maxOutputBytes,
      env: { GIT_TERMINAL_PROMPT: '0' },
      inherited: lockFd === null ? [] : [lockFd],
      ...(signal === undefined ? {} : { signal }),
    });
    const shown = argv.map((word) => redact(word)).join(' ');
    if (result.kind === 'not_found' || result.kind === 'failed')
      throw new OperatorError(`${result.program} could not be started.`);
    log(`$ ${shown}\n${redact(result.stdout)}${redact(result.stderr)}\n`, appendFileSync);
    if (signal?.aborted === true) throw new OperatorError('interrupted');
    // timeout(1): 124, it took too long; 126 and 127, as a shell has it.
    const code = result.kind === 'exited' ? result.code : 124;
    if (code === 0 || mayFail) return { code, stdout: result.stdout, stderr: result.stderr };
    const [name] = argv;
    const how =
      code === 124
        ? `took longer than ${seconds} s`
        : code === 127
          ? 'is not installed'
          : `ended with ${code}`;
    throw new OperatorError(
      [`${name} ${how}`, ...tail(`${result.stdout}\n${result.stderr}`)].join('\n'),
      logFile === null ? undefined : `less ${logFile}`,
    );
  };
}

function tail(text: string): string[] {
  return redact(text)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-linesShown);
}
