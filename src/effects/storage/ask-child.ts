import { spawn, type ChildProcess } from 'node:child_process';
import type { Mount } from '../../core/storage/mountinfo.ts';
import { isNetworkFileSystem } from '../../core/storage/network-file-system.ts';
import { abandon } from '../abandoned-children.ts';
import { compileCache, programPath } from '../program-path.ts';
import { claimFolder, claimSuperblock, type SuperblockClaim } from '../stuck-children.ts';
import { lookupConcurrency } from './child-lookup.ts';
import type { ChildAnswer, ChildRequest } from './child-protocol.ts';

export interface AskOptions {
  /** performance.now() at which we return at the latest, the start of the child included. */
  readonly dueAt: number;
  /** For the answer, from the moment of the question. Another process' question that is older counts as blocked. */
  readonly timeoutMs: number;
  /** The mount whose superblock the request touches; null for a request that stays clear of network mounts. */
  readonly mount: Mount | null;
  /** Of `claimFolder`. */
  readonly claimFolder: string | null;
  /** The program that starts the child, if it is not started directly. */
  readonly through?: StartedThrough;
}

/** What all questions of one look have in common. */
export type LookOptions = Omit<AskOptions, 'mount'>;

/** A program and its first arguments; what is appended to them is run. */
export type StartedThrough = readonly [string, ...string[]];

/** How the questions ended. All answers that came before are in it. */
export interface ChildRun {
  readonly answers: readonly ChildAnswer[];
  readonly ended:
    | { readonly kind: 'done' }
    | { readonly kind: 'timed_out' }
    | { readonly kind: 'still_blocked'; readonly pid: number }
    | { readonly kind: 'not_asked'; readonly detail: string };
}

/** Milliseconds between two looks at the claim of another process. */
const claimPollMs = 25;

/**
 * Puts one request to a new storage child and returns at `dueAt` at the latest. A child that is not done by then is
 * sent KILL and abandoned; its claim on the superblock stays until it has really ended.
 */
export async function askChild(request: ChildRequest, options: AskOptions): Promise<ChildRun> {
  const child = startChild(options.through);
  if (child instanceof Error) return { answers: [], ended: notStarted(child) };
  const conversation = listen(child);
  const giveUp = (): void => {
    conversation.giveUp();
    child.kill('SIGKILL');
    abandon(child);
  };
  const remainingMs = (): number => options.dueAt - performance.now();
  let timer = setTimeout(giveUp, remainingMs());
  let release = (): void => undefined;
  // The claim is taken only for the moment of the question itself: programs start slowly on a busy machine.
  if (await conversation.isReady) {
    const claim = await claimInTime(child, options);
    if (claim?.kind === 'held') {
      child.kill('SIGKILL');
      conversation.end({ kind: 'still_blocked', pid: claim.pid });
    } else {
      if (claim) release = claim.release;
      child.once('exit', release);
      clearTimeout(timer);
      timer = setTimeout(giveUp, Math.min(options.timeoutMs, remainingMs()));
      conversation.ask(request);
    }
  }
  const ended = await conversation.ended;
  clearTimeout(timer);
  if (ended.kind === 'done') release();
  return { answers: conversation.answers, ended };
}

/** Most failures to start are emitted, but some (no memory) are thrown. */
function startChild(through: StartedThrough | undefined): ChildProcess | Error {
  const node: StartedThrough = [process.execPath, programPath('storage-child')];
  const [program, ...args] = through === undefined ? node : [...through, ...node];
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin' } = process.env;
  try {
    return spawn(program, args, {
      cwd: '/',
      // Little of ours is inherited: NODE_OPTIONS could load code or slow the start.
      env: { UV_THREADPOOL_SIZE: String(lookupConcurrency), LC_ALL: 'C', PATH, ...compileCache },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function notStarted(error: Error): ChildRun['ended'] {
  return { kind: 'not_asked', detail: `the probe program could not be started: ${error.message}` };
}

/**
 * Another process' question to the same network file system is waited for while it is young enough to be a healthy
 * one. Local disks are asked by several at a time; only a question that is blocked there stops the next one. Null:
 * asked without a claim.
 */
async function claimInTime(
  child: ChildProcess,
  { mount, dueAt, timeoutMs, claimFolder: folder }: AskOptions,
): Promise<SuperblockClaim | null> {
  if (!mount || child.pid === undefined) return null;
  for (;;) {
    const claim = claimSuperblock(folder, mount.device, child.pid);
    if (claim.kind === 'claimed' || claim.ageMs >= timeoutMs) return claim;
    if (!isNetworkFileSystem(mount.fstype)) return null;
    if (performance.now() + claimPollMs >= dueAt) return claim;
    await new Promise((resolve) => setTimeout(resolve, claimPollMs));
  }
}

function listen(child: ChildProcess) {
  const answers: ChildAnswer[] = [];
  const ready = Promise.withResolvers<boolean>();
  const over = Promise.withResolvers<ChildRun['ended']>();
  let isAsked = false;
  const end = (ended: ChildRun['ended']): void => {
    over.resolve(ended);
    ready.resolve(false);
  };
  let rest = '';
  child.stdout?.setEncoding('utf8');
  child.stdout?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) answers.push(JSON.parse(line) as ChildAnswer);
    ready.resolve(true);
    if (answers.at(-1)?.kind === 'done') end({ kind: 'done' });
  });
  // A child that ends early closes its pipes under our hands; "close" tells the rest.
  child.stdin?.on('error', () => undefined);
  child.stdout?.on('error', () => undefined);
  child.on('error', (error) => {
    end(notStarted(error));
  });
  child.on('close', (code, signal) => {
    if (code === 0) end({ kind: 'done' });
    else end({ kind: 'not_asked', detail: `the probe program ended early (${signal ?? `status ${code}`})` });
  });
  return {
    answers,
    isReady: ready.promise,
    ended: over.promise,
    end,
    ask: (request: ChildRequest) => {
      isAsked = true;
      child.stdin?.end(JSON.stringify(request));
    },
    giveUp: () => {
      // A machine too busy to start a program in time says nothing about its storage.
      if (isAsked) end({ kind: 'timed_out' });
      else end({ kind: 'not_asked', detail: 'the probe program did not start in time' });
    },
  };
}

/** What starting programs and judging may take beside the answer itself, on a busy machine. */
const allowanceMs = 700;

/**
 * Options for all questions of one observation: no matter how many, they end within the timeout and `allowanceMs`.
 */
export function startTheClock(timeoutMs: number, stuckDir: string | null): LookOptions {
  return {
    dueAt: performance.now() + timeoutMs + allowanceMs,
    timeoutMs,
    claimFolder: stuckDir === null ? null : claimFolder(stuckDir),
  };
}
