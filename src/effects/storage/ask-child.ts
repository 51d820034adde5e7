import type { Mount } from '../../core/storage/mountinfo.ts';
import { isNetworkFileSystem } from '../../core/storage/network-file-system.ts';
import { claimFolder, claimSuperblock, type SuperblockClaim } from '../stuck-children.ts';
import type { ChildAnswer, ChildRequest } from './child-protocol.ts';
import { StorageChild, type Ended, type StartedThrough } from './storage-child.ts';

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

/** How the questions ended. All answers that came before are in it. */
export interface ChildRun {
  readonly answers: readonly ChildAnswer[];
  readonly ended: Ended;
}

/** Milliseconds between two looks at the claim of another process. */
const claimPollMs = 25;

/** How often a claim says that it was answered: each time costs two writes. */
const renewalsInTimeout = 4;

/** They leave nothing behind in the process that was asked: it may be asked again. */
function isHarmless(request: ChildRequest): boolean {
  const { operation } = request;
  if (operation === 'write_check') return request.user === null;
  return operation === 'lookup' || operation === 'canonicalise' || operation === 'statfs';
}

/**
 * Puts one request to a storage child, and waits for its end as long as it answers, at the latest until `slowDueAt`. A
 * child that falls silent before is sent KILL and abandoned; its claim on the superblock stays until it has really ended.
 */
export async function askChild(request: ChildRequest, options: AskOptions): Promise<ChildRun> {
  const { timeoutMs, dueAt, slowDueAt } = options;
  const child = StorageChild.take(options.through);
  if (!(child instanceof StorageChild)) return { answers: [], ended: child };
  const answers: ChildAnswer[] = [];
  let timer: NodeJS.Timeout | undefined;
  const giveUpAt = (at: number, because: Ended): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      child.giveUp(because);
    }, at - performance.now());
  };
  giveUpAt(dueAt, notInTime);
  const isReady = await child.isReady;
  clearTimeout(timer);
  // The claim is taken only for the moment of the question itself: programs start slowly on a busy machine.
  const { claim, isAnswering } = isReady
    ? await claimInTime(child, options)
    : { claim: null, isAnswering: false };
  if (claim?.kind === 'held') {
    child.giveBack();
    return {
      answers,
      ended: isAnswering ? tooSlow(timeoutMs) : { kind: 'still_blocked', pid: claim.pid },
    };
  }
  const release = claim?.release ?? (() => undefined);
  const forget = child.onExit(release);
  const askedAt = performance.now();
  giveUpAt(isAnswering ? askedAt + timeoutMs : Math.min(askedAt + timeoutMs, dueAt), { kind: 'timed_out' });
  let renewedAt = askedAt;
  const ended = await child.ask(request, answers, () => {
    const now = performance.now();
    if (now + timeoutMs < slowDueAt) giveUpAt(now + timeoutMs, { kind: 'timed_out' });
    else giveUpAt(slowDueAt, tooSlow(timeoutMs));
    if (now < renewedAt + timeoutMs / renewalsInTimeout) return;
    claim?.renew();
    renewedAt = now;
  });
  clearTimeout(timer);
  if (ended.kind === 'done') {
    forget();
    release();
    if (options.through === undefined && isHarmless(request)) child.giveBack();
    else child.dismiss();
  }
  return { answers, ended };
}

// A machine too busy to start a program in time says nothing about its storage.
const notInTime = { kind: 'not_asked', detail: 'the probe program did not start in time' } as const;

function tooSlow(timeoutMs: number): Ended {
  const seconds = (timeoutMs * patience) / 1000;
  return { kind: 'not_asked', detail: `the storage answers, but too slowly to be done within ${seconds} s` };
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
  child: StorageChild,
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
