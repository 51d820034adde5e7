/** Running a program with a deadline that holds even when the program can't be killed (storage-facts F3). */
import { spawn, type ChildProcess } from 'node:child_process';

export interface RunOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Sent to standard input; without it standard input is empty. */
  readonly input?: string | Buffer;
}

export interface RunResult {
  /** Exit status; null when a signal ended it or the deadline passed. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Killed at the deadline (or abandoned, when it is stuck in the kernel). */
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** After SIGKILL a program in state D still does not go; it is abandoned after this long. */
const ABANDON_AFTER_MS = 200;

/** Runs `argv` to its end or its deadline. Never throws for a bad exit status; does for a program that is not there. */
export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const begin = performance.now();
  const child = spawnGroup(argv);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin?.on('error', () => undefined); // it may end before it has read its input
  child.stdin?.end(options.input ?? '');

  return await new Promise((resolve, reject) => {
    let timedOut = false;
    let abandon: NodeJS.Timeout | undefined;
    const finish = (status: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(deadline);
      clearTimeout(abandon);
      const durationMs = performance.now() - begin;
      resolve({ status, signal, timedOut, stdout: stdout(), stderr: stderr(), durationMs });
    };
    const deadline = setTimeout(() => {
      timedOut = true;
      killGroup(child, 'SIGKILL');
      abandon = setTimeout(() => {
        letGo(child);
        finish(null, 'SIGKILL');
      }, ABANDON_AFTER_MS);
    }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    child.once('error', reject);
    child.once('close', finish);
  });
}

/** Like `runCommand`, and throws an error that shows everything when the program did not end with status 0. */
export async function runOrThrow(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const result = await runCommand(argv, options);
  if (result.status !== 0) throw new Error(describeFailure(argv, result));
  return result;
}

export function describeFailure(argv: readonly string[], result: RunResult): string {
  const end = result.timedOut
    ? `ran into its deadline (${Math.round(result.durationMs)} ms)`
    : `ended with ${result.status ?? result.signal ?? 'nothing'}`;
  return `${argv.join(' ')}\n${end}\nstdout: ${result.stdout}\nstderr: ${result.stderr}`;
}

/** Starts `argv` as the leader of its own process group, so that all of it can be ended by one id. */
export function spawnGroup(argv: readonly string[]): ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('empty command');
  return spawn(program, args, { detached: true, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
}

export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // already gone
  }
}

/** Everything a stream has said so far, decoded once at the end so that no character is cut in two. */
export function collect(stream: NodeJS.ReadableStream | null): () => string {
  const pieces: Buffer[] = [];
  stream?.on('data', (piece: Buffer) => pieces.push(piece));
  return () => Buffer.concat(pieces).toString('utf8');
}

/** Stops caring about a child: it no longer keeps this process alive. */
function letGo(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}
