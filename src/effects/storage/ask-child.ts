import { type ChildProcess, spawn } from 'node:child_process';
import type { Mount } from '../../core/storage/mountinfo.ts';
import { isNetworkFileSystem } from '../../core/storage/network-file-system.ts';
import { abandon, claimFolder, claimSuperblock, type SuperblockClaim } from '../stuck-children.ts';
import { compileCache, programPath } from '../program-path.ts';
import { type ChildAnswer, type ChildRequest, lookupConcurrency } from './child-protocol.ts';

export interface AskOptions {
  /** performance.now() at which we return at the latest if nothing is answered, the start of the child included. */
  readonly dueAt: number;
  /** The same for storage that goes on answering. */
  readonly slowDueAt: number;
  /**
   * For each answer, from the question or the answer before it. Another process' question to which the storage has been
   * silent for so long counts as blocked.
   */
  readonly timeoutMs: number;
  /** The mount whose superblock the request touches; null for a request that stays clear of network mounts. */
  readonly mount: Mount | null;
  /** Of `claimFolder`. */
  readonly claimFolder: string | null;
  /** How many such questions a superblock may be asked at a time; default 1. If it hangs, so many processes hang with it. */
  readonly lanes?: number;
  /** The program that starts the child, if it is not started directly. */
  readonly through?: StartedThrough;
}

/** What all questions of one look have in common. */
export type LookOptions = Omit<AskOptions, 'mount' | 'through' | 'lanes'>;

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

/** How often a claim says that it was answered: each time costs two writes. */
const renewalsInTimeout = 4;

/**
 * Puts one request to a new storage child, and waits for its end as long as it answers, at the latest until `slowDueAt`. A
 * child that falls silent before is sent KILL and abandoned; its claim on the superblock stays until it has really ended.
 */
export async function askChild(request: ChildRequest, options: AskOptions): Promise<ChildRun> {
  const { timeoutMs, dueAt, slowDueAt } = options;
  const child = startChild(options.through);
  if (child instanceof Error) return { answers: [], ended: notStarted(child) };
  const conversation = listen(child);
  let timer: NodeJS.Timeout | undefined;
  const giveUpAt = (at: number, ended: ChildRun['ended']): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      conversation.end(ended);
      child.kill('SIGKILL');
      abandon(child);
    }, at - performance.now());
  };
  giveUpAt(dueAt, notInTime);
  let release = (): void => undefined;
  // The claim is taken only for the moment of the question itself: programs start slowly on a busy machine.
  if (await conversation.isReady) {
    clearTimeout(timer);
    const { claim, isAnswering } = await claimInTime(child, options);
    if (claim?.kind === 'held') {
      child.kill('SIGKILL');
      conversation.end(isAnswering ? tooSlow(timeoutMs) : { kind: 'still_blocked', pid: claim.pid });
    } else {
      if (claim) release = claim.release;
      child.once('exit', release);
      const now = performance.now();
      giveUpAt(isAnswering ? now + timeoutMs : Math.min(now + timeoutMs, dueAt), { kind: 'timed_out' });
      let renewedAt = now;
      conversation.ask(request, () => {
        const now = performance.now();
        if (now + timeoutMs < slowDueAt) giveUpAt(now + timeoutMs, { kind: 'timed_out' });
        else giveUpAt(slowDueAt, tooSlow(timeoutMs));
        if (now < renewedAt + timeoutMs / renewalsInTimeout) return;
        claim?.renew();
        renewedAt = now;
      });
    }
  }
  const ended = await conversation.ended;
  clearTimeout(timer);
  if (ended.kind === 'done') release();
  return { answers: conversation.answers, ended };
}

// A machine too busy to start a program in time says nothing about its storage.
const notInTime = { kind: 'not_asked', detail: 'the probe program did not start in time' } as const;

function tooSlow(timeoutMs: number): ChildRun['ended'] {
  const seconds = (timeoutMs * patience) / 1000;
  return { kind: 'not_asked', detail: `the storage answers, but too slowly to be done within ${seconds} s` };
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

interface ClaimInTime {
  /** Null: it is asked without one. */
  readonly claim: SuperblockClaim | null;
  /** Whether others were answered while we waited. */
  readonly isAnswering: boolean;
}

/**
 * Another process' question to the same network file system is waited for while it is young enough to be a healthy
 * one. Local disks are asked by several at a time; only a question that is blocked there stops the next one.
 */
async function claimInTime(
  child: ChildProcess,
  { mount, dueAt, slowDueAt, timeoutMs, claimFolder: folder, lanes = 1 }: AskOptions,
): Promise<ClaimInTime> {
  const begin = performance.now();
  let isAnswering = false;
  if (!mount || child.pid === undefined) return { claim: null, isAnswering };
  for (let lane = 0; ; lane = (lane + 1) % lanes) {
    const claim = claimSuperblock(folder, mount.device + (lane === 0 ? '' : `+${lane}`), child.pid);
    if (claim.kind === 'claimed') return { claim, isAnswering };
    if (claim.silentMs >= timeoutMs) return { claim, isAnswering: false };
    if (lane < lanes - 1) continue;
    if (!isNetworkFileSystem(mount.fstype)) return { claim: null, isAnswering };
    const now = performance.now();
    isAnswering ||= claim.silentMs < now - begin - claimPollMs;
    if (now + claimPollMs >= (isAnswering ? slowDueAt : dueAt)) return { claim, isAnswering };
    await new Promise((resolve) => setTimeout(resolve, claimPollMs));
  }
}

function listen(child: ChildProcess) {
  const answers: ChildAnswer[] = [];
  const ready = Promise.withResolvers<boolean>();
  const over = Promise.withResolvers<ChildRun['ended']>();
  let onAnswer = (): void => undefined;
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
    onAnswer();
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
    ask: (request: ChildRequest, hasAnswered: () => void) => {
      onAnswer = hasAnswered;
      child.stdin?.end(JSON.stringify(request));
    },
  };
}

/** What starting programs and judging may take beside the answer itself, on a busy machine. */
const allowanceMs = 700;

/** How many times the timeout for one answer everything may take together, as long as answers come. */
const patience = 4;

/**
 * Options for all questions of one observation. No matter how many: with storage that is silent they end within the timeout
 * and `allowanceMs`, with storage that answers slowly within `patience` times the timeout.
 */
export function startTheClock(timeoutMs: number, stuckDir: string | null): LookOptions {
  const now = performance.now();
  return {
    dueAt: now + timeoutMs + allowanceMs,
    slowDueAt: now + timeoutMs * patience,
    timeoutMs,
    claimFolder: stuckDir === null ? null : claimFolder(stuckDir),
  };
}
