/**
 * What an attempt's end means for its job. One pure, total function; its table with every case stands in
 * docs/attempt-outcomes.md. What decides, in this order:
 *
 *   1. why the worker ended the attempt (cancel, dead storage, lease lost);
 *   2. signs of broken storage: they are never the source's fault and never use the retry budget;
 *   3. it stood still until the worker ended it: a crawl failure;
 *   4. the worker or the machine went away, or was stopped: interrupted;
 *   5. how the crawler itself ended (crawler-exit.ts, judge-crawl.ts).
 */
import type { StorageState } from '../storage/path-state.ts';
import { judgeCrawlerExit } from './crawler-exit.ts';
import type { CrawlerKind, EndReason, ExitRecord, Judgement } from './attempt-end.ts';

export interface AttemptEnd {
  /** Null when the launcher left none: it was killed, the machine went down, or the local disk is full. */
  readonly record: ExitRecord | null;
  readonly reason: EndReason;
  /** The output directory as it was looked at afterwards; null: nobody has looked. */
  readonly storageAfter: StorageState | null;
  readonly crawler: CrawlerKind;
}

export function classifyAttempt(end: AttemptEnd): Judgement {
  if (end.reason === 'cancel') return { outcome: 'cancelled', because: 'The job was cancelled.' };
  if (end.reason === 'lease_lost') {
    return {
      outcome: 'interrupted',
      because: 'The lease was lost: another worker has taken the job, or may have.',
    };
  }
  const storage = storageFault(end);
  if (storage !== null) return { outcome: 'infra_error', because: storage };

  const wasStopped = end.reason !== 'none' || end.record?.workerLost === true;
  const finished = end.record?.exit.kind !== 'signaled' && end.record !== null;
  if (end.reason === 'stalled' && !finished)
    return {
      outcome: 'crawl_failure',
      because: 'It stood still: nothing came and nothing was archived for too long.',
    };
  if (wasStopped && !finished) return { outcome: 'interrupted', because: interruption(end.reason) };
  if (end.record === null) {
    return {
      outcome: 'infra_error',
      because:
        'The launcher left no exit record although its worker was there: it was killed, the machine is out of memory, or the local disk is full.',
    };
  }
  return judgeCrawlerExit(end.record, end.crawler);
}

function interruption(reason: EndReason): string {
  return reason === 'shutdown'
    ? 'The worker was stopped; the files archived so far are kept.'
    : 'The worker was gone before the crawler ended; the files archived so far are kept.';
}

/** The sign of broken storage that decides, as a sentence; null when there is none. */
function storageFault({ record, reason, storageAfter }: AttemptEnd): string | null {
  if (reason === 'dead_storage') return 'The attempt was ended because its output directory died.';
  const afterwards =
    storageAfter !== null && storageAfter !== 'healthy'
      ? ` The output directory is ${storageAfter} now.`
      : '';
  if (record === null) {
    return afterwards === '' ? null : `The attempt left no exit record.${afterwards}`;
  }
  const { exit } = record;
  if (exit.kind === 'wrong_storage')
    return `The output directory is not on the expected storage: ${exit.detail}.`;
  if (exit.kind === 'storage_error' && exit.errno !== 'EEXIST') {
    return `Storage answered "${exit.operation}" with ${exit.errno}.${permissionHint(exit.errno)}${afterwards}`;
  }
  if (record.storageErrnos.length > 0) {
    return `Storage failed during the attempt (${record.storageErrnos.join(', ')}).${afterwards}`;
  }
  if (record.archived === null && exit.kind !== 'not_started' && exit.kind !== 'storage_error') {
    return `What was archived could not be synced.${afterwards}`;
  }
  const endedBadly = exit.kind !== 'exited' || exit.code !== 0;
  return endedBadly && afterwards !== '' ? `The crawler ended badly.${afterwards}` : null;
}

function permissionHint(errno: string): string {
  return errno === 'EACCES' || errno === 'EPERM'
    ? ' Check who owns it, and that an sshfs mount has allow_other.'
    : '';
}
