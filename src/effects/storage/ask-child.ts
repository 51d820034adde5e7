import { spawn, type ChildProcess } from 'node:child_process';
import { abandon } from '../abandoned-children.ts';
import { programPath } from '../program-path.ts';
import { claimSuperblock } from '../stuck-children.ts';
import { lookupConcurrency } from './child-lookup.ts';
import type { ChildAnswer, ChildRequest } from './child-protocol.ts';

export interface AskOptions {
  /** performance.now() at which the answer is due. */
  readonly dueAt: number;
  /** The superblock that the request touches; null for a request that only touches local directories. */
  readonly device: string | null;
  /** Of `claimFolder`. */
  readonly claimFolder: string | null;
  /** Age from which another process' probe that is still there counts as blocked. */
  readonly blockedAfterMs: number;
}

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
 * Puts one request to a new storage child and returns at `dueAt` at the latest. A child that is not done by then is sent KILL and abandoned;
 * its claim on the superblock stays until it has really ended.
 */
export async function askChild(request: ChildRequest, options: AskOptions): Promise<ChildRun> {
  const child = startChild();
  const { pid } = child;
  const conversation = listen(child);
  if (pid === undefined) return { answers: [], ended: await conversation.ended };
  let release = (): void => undefined;
  if (options.device !== null) {
    const claim = await claimInTime(options.device, pid, options);
    if (claim.kind === 'held') {
      child.kill('SIGKILL');
      return { answers: [], ended: { kind: 'still_blocked', pid: claim.pid } };
    }
    release = claim.release;
  }
  child.once('exit', release);
  child.stdin?.end(JSON.stringify(request));
  const timer = setTimeout(() => {
    conversation.giveUp();
    child.kill('SIGKILL');
    abandon(child);
  }, options.dueAt - performance.now());
  const ended = await conversation.ended;
  clearTimeout(timer);
  return { answers: conversation.answers, ended };
}

function startChild(): ChildProcess {
  return spawn(process.execPath, [programPath('storage-child')], {
    cwd: '/',
    // Nothing of ours is inherited: NODE_OPTIONS could load code or slow the start.
    env: { UV_THREADPOOL_SIZE: String(lookupConcurrency), LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

/** Another process' probe of the superblock is waited for, as long as it is young enough to be a healthy one. */
async function claimInTime(device: string, pid: number, options: AskOptions) {
  for (;;) {
    const claim = claimSuperblock(options.claimFolder, device, pid);
    if (claim.kind === 'claimed') return claim;
    if (claim.ageMs >= options.blockedAfterMs || performance.now() + claimPollMs >= options.dueAt)
      return claim;
    await new Promise((resolve) => setTimeout(resolve, claimPollMs));
  }
}

function listen(child: ChildProcess) {
  const answers: ChildAnswer[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<ChildRun['ended']>();
  let rest = '';
  child.stdout?.setEncoding('utf8');
  child.stdout?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) answers.push(JSON.parse(line) as ChildAnswer);
  });
  // A child that ends early closes its pipes under our hands; "close" tells the rest.
  child.stdin?.on('error', () => undefined);
  child.stdout?.on('error', () => undefined);
  child.on('error', (error) => {
    resolve({ kind: 'not_asked', detail: `the probe program could not be started: ${error.message}` });
  });
  child.on('close', (code, signal) => {
    if (code === 0) resolve({ kind: 'done' });
    else
      resolve({ kind: 'not_asked', detail: `the probe program ended early (${signal ?? `status ${code}`})` });
  });
  const isReady = (): boolean => answers.some((answer) => answer.kind === 'ready');
  return {
    answers,
    ended,
    giveUp: () => {
      // A machine too busy to start a program in time says nothing about its storage.
      if (isReady()) resolve({ kind: 'timed_out' });
      else resolve({ kind: 'not_asked', detail: 'the probe program did not start in time' });
    },
  };
}
