import { type ChildProcess, spawn } from 'node:child_process';
import { OperatorError } from '../core/errors.ts';
import { abandon } from './stuck-children.ts';

export interface CommandOptions {
  /** From the start to the TERM. KILL follows after `killGraceMs`. */
  readonly deadlineMs: number;
  /** Time from TERM to KILL. */
  readonly killGraceMs?: number;
  /** Kept of each of stdout and stderr; what comes after it is read and dropped. */
  readonly maxOutputBytes?: number;
  readonly stdin?: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Open files that the program inherits, from descriptor 3 on: a lock that is held by one is held for as long as the program lives. */
  readonly inherited?: readonly number[];
  /** Ends the program, by TERM, when it is aborted. */
  readonly signal?: AbortSignal;
}

interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** True when `maxOutputBytes` cut either. */
  readonly isTruncated: boolean;
  readonly durationMs: number;
}

export type CommandResult =
  | ({ readonly kind: 'exited'; readonly code: number } & CommandOutput)
  | ({ readonly kind: 'signaled'; readonly signal: string } & CommandOutput)
  /** `isAbandoned`: it did not even end after KILL, because the kernel holds it in an uninterruptible wait. */
  | ({ readonly kind: 'timed_out'; readonly isAbandoned: boolean } & CommandOutput)
  | { readonly kind: 'not_found'; readonly program: string }
  | { readonly kind: 'failed'; readonly program: string; readonly errno: string };

const defaultKillGraceMs = 500;
/** After KILL a process that can end does so at once; this is for a busy machine. */
const afterKillMs = 500;
const defaultMaxOutputBytes = 256 * 1024;

/**
 * Runs a program of the system and never waits longer than deadline, grace and half a second together. Its working
 * directory is `/`: to start a process in a directory on hung storage stops the event loop of the parent. Messages
 * come in English (`LC_ALL=C`). What goes wrong is in the result; nothing is thrown.
 */
export function runCommand(
  argv: readonly [string, ...string[]],
  options: CommandOptions,
): Promise<CommandResult> {
  const [program, ...args] = argv;
  const startedAt = performance.now();
  const child = startCommand(program, args, options);
  if (!(child instanceof Error)) return followCommand(child, program, startedAt, options);
  return Promise.resolve({ kind: 'failed', program, errno: errnoOf(child) });
}

/**
 * Runs a program that must succeed.
 * @throws OperatorError with what it said
 */
export async function must(argv: readonly [string, ...string[]], deadlineMs = 60_000): Promise<void> {
  const result = await runCommand(argv, { deadlineMs });
  if (result.kind === 'exited' && result.code === 0) return;
  const [program] = argv;
  if (result.kind === 'not_found') throw new OperatorError(`${program} is not installed.`);
  if (result.kind === 'failed') throw new OperatorError(`${program} could not be started (${result.errno}).`);
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  const how = result.kind === 'exited' ? `status ${result.code}` : result.kind.replace('_', ' ');
  throw new OperatorError(`${argv.slice(0, 2).join(' ')} failed (${how})${said === '' ? '.' : `: ${said}`}`);
}

/** Arguments that no program can be given (a NUL byte, megabytes) are thrown by spawn instead of emitted. */
function startCommand(
  program: string,
  args: readonly string[],
  { env, inherited = [] }: CommandOptions,
): ChildProcess | Error {
  try {
    return spawn(program, args, {
      cwd: '/',
      env: { ...process.env, ...env, LC_ALL: 'C', LANGUAGE: '' },
      stdio: ['pipe', 'pipe', 'pipe', ...inherited],
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function followCommand(
  child: ChildProcess,
  program: string,
  startedAt: number,
  options: CommandOptions,
): Promise<CommandResult> {
  const limit = options.maxOutputBytes ?? defaultMaxOutputBytes;
  const stdout = collect(child.stdout, limit);
  const stderr = collect(child.stderr, limit);
  const output = (): CommandOutput => ({
    stdout: stdout.text(),
    stderr: stderr.text(),
    isTruncated: stdout.isTruncated() || stderr.isTruncated(),
    durationMs: Math.round(performance.now() - startedAt),
  });
  // A program that does not read its input closes the pipe; that is its right.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.stdin ?? '');

  return new Promise((resolve) => {
    let hasTimedOut = false;
    const timers: NodeJS.Timeout[] = [];
    const onAbort = (): void => {
      child.kill('SIGTERM');
    };
    options.signal?.addEventListener('abort', onAbort);
    if (options.signal?.aborted === true) onAbort();
    const finish = (result: CommandResult): void => {
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const at = (delayMs: number, act: () => void): void => {
      timers.push(setTimeout(act, delayMs));
    };
    const end = (code: number | null, signal: string | null): void => {
      if (hasTimedOut) finish({ kind: 'timed_out', isAbandoned: false, ...output() });
      else if (code !== null) finish({ kind: 'exited', code, ...output() });
      else finish({ kind: 'signaled', signal: signal ?? 'unknown', ...output() });
    };
    child.on('error', (error) => {
      const errno = errnoOf(error);
      finish(errno === 'ENOENT' ? { kind: 'not_found', program } : { kind: 'failed', program, errno });
    });
    child.on('close', end);
    // A grandchild that keeps the pipes open delays "close" for as long as it lives; the command itself is over.
    child.on('exit', (code, signal) => {
      at(afterKillMs, () => {
        release(child);
        end(code, signal);
      });
    });
    const killGraceMs = options.killGraceMs ?? defaultKillGraceMs;
    at(options.deadlineMs, () => {
      hasTimedOut = true;
      child.kill('SIGTERM');
    });
    at(options.deadlineMs + killGraceMs, () => child.kill('SIGKILL'));
    at(options.deadlineMs + killGraceMs + afterKillMs, () => {
      const isAbandoned = child.exitCode === null && child.signalCode === null;
      if (isAbandoned) abandon(child);
      else release(child);
      finish({ kind: 'timed_out', isAbandoned, ...output() });
    });
  });
}

function release(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function collect(stream: NodeJS.ReadableStream | null, limit: number) {
  const chunks: Buffer[] = [];
  let kept = 0;
  let isTruncated = false;
  stream?.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, limit - kept);
    if (part.length < chunk.length) isTruncated = true;
    if (part.length > 0) chunks.push(part);
    kept += part.length;
  });
  stream?.on('error', () => undefined);
  return {
    text: () => Buffer.concat(chunks).toString('utf8'),
    isTruncated: () => isTruncated,
  };
}

function errnoOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}
