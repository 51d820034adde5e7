import { classifyAttempt } from '../core/attempts/classify.ts';
import type { AttemptOutcome } from '../core/attempts/attempt-end.ts';
import { attemptName } from '../core/attempts/launch-spec.ts';
import { isContainerEngine } from '../core/crawler/container.ts';
import type { Job } from '../core/jobs/job.ts';
import { isExpired, isOnThisHost, type Lease } from '../core/jobs/lease.ts';
import type { RetryPolicy } from '../core/jobs/retry.ts';
import { bootClockMs, type HostIdentity } from '../effects/host.ts';
import type { Database } from '../store/database.ts';
import type { JobStore } from '../store/job-store.ts';
import { attemptEnd } from './record-end.ts';
import {
  type ContainerRemoval,
  type HangingEngines,
  isCrawlerGone,
  removeContainerOf,
  removeFreeLock,
} from './crawler-gone.ts';
import { forgetFrontier, readExitRecord } from './job-files.ts';
import { attemptFiles, type WorkerPaths } from './worker-paths.ts';

/** What is to be said of one running job. */
export interface StaleVerdict {
  readonly job: Job;
  readonly isStale: boolean;
  readonly code: 'stale' | 'lease_alive' | 'crawler_alive' | 'other_host';
  readonly because: string;
  readonly crawler: string;
  /** Its attempt ran on this host. */
  readonly isHere: boolean;
}

export interface StaleQuestion {
  readonly host: HostIdentity;
  /** Name of the worker that asks, which holds that name's lock: a lease of its own name is its dead predecessor's. */
  readonly ownWorker: string | null;
  /** A host that a person says will never come back. */
  readonly hostIsGone: string | null;
}

/** Looks at every running job: is its worker gone, and its crawler too? */
export async function findStaleJobs(
  store: JobStore,
  database: Database,
  paths: WorkerPaths,
  question: StaleQuestion,
): Promise<StaleVerdict[]> {
  const running = await store.list({ statuses: ['running'] });
  if (running.length === 0) return [];
  const serverNowMs = await database.serverNowMs();
  const verdicts: StaleVerdict[] = [];
  for (const job of running) verdicts.push(await judge(job, store, paths, question, serverNowMs));
  return verdicts;
}

async function judge(
  job: Job,
  store: JobStore,
  paths: WorkerPaths,
  question: StaleQuestion,
  serverNowMs: number | null,
): Promise<StaleVerdict> {
  const { lease } = job;
  const crawler = (await store.history(job.id)).attempts.at(-1)?.crawler ?? '';
  const isHere = lease !== null && isOnThisHost(lease, question.host);
  const verdict = (code: StaleVerdict['code'], because: string): StaleVerdict => ({
    job,
    isStale: code === 'stale',
    code,
    because,
    crawler,
    isHere,
  });
  if (lease === null) return verdict('stale', 'no worker holds it');
  if (!isHere && question.hostIsGone !== lease.host) {
    return verdict(
      'other_host',
      `its worker runs on ${lease.host}: whether its crawler lives can only be seen there`,
    );
  }
  if (isAlive(lease, isHere, question, serverNowMs)) {
    return verdict('lease_alive', `worker ${lease.worker} holds its lease`);
  }
  if (isHere && !(await isCrawlerGone(paths, attemptName(job.id, job.attempts)))) {
    return verdict('crawler_alive', 'its crawler is still alive');
  }
  return verdict('stale', `worker ${lease.worker} on ${lease.host} is gone, and so is the crawler`);
}

/** For a host that a person gave up, the database server's clock decides; without one the person's word counts. */
function isAlive(
  lease: Lease,
  isHere: boolean,
  question: StaleQuestion,
  serverNowMs: number | null,
): boolean {
  if (isHere && lease.worker === question.ownWorker) return false;
  if (!isHere && serverNowMs === null) return false;
  return !isExpired(lease, { ...question.host, bootMs: bootClockMs(), serverNowMs });
}

export type ReturnOutcome = AttemptOutcome | 'changed' | 'container_left' | 'engine_hangs';

/**
 * Gives a stale job back. When the crawler had come to its end and left its exit record, that decides what becomes of
 * the job: a finished crawl is not crawled again because its worker died before it could say so.
 * @param hanging one set for all jobs of a look: an engine that hangs is waited for once, and not by each job in turn,
 *   as a start that takes too long is ended by the service manager
 * @returns the outcome of the attempt; `changed` when the job was somebody else's meanwhile; `container_left` or
 *   `engine_hangs` when its container can't be removed: then the job stays as it is
 */
export async function returnStaleJob(
  store: JobStore,
  verdict: StaleVerdict,
  paths: WorkerPaths,
  hanging: HangingEngines,
  actor: string,
  policy: RetryPolicy,
  nowMs: number,
): Promise<ReturnOutcome> {
  const { job } = verdict;
  const attempt = attemptName(job.id, job.attempts);
  const token = job.lease?.token ?? '';
  if (verdict.isHere) {
    const removal = await removeContainerUnlessHanging(attempt, verdict.crawler, hanging);
    if (removal !== 'absent') return removal === 'left' ? 'container_left' : removal;
  }
  const record = readExitRecord(attemptFiles(paths, attempt).exitRecord, attempt, token);
  const judgement = classifyAttempt({
    record,
    // A person's wish outlives the worker that was asked.
    reason: job.stopRequest === 'cancel' ? 'cancel' : 'worker_lost',
    storageAfter: null,
    crawler: isContainerEngine(verdict.crawler) ? 'container' : 'http',
  });
  const end = attemptEnd(judgement, record, job.progress, { isWorkerLost: true });
  const after = await store.finish(job.id, job.lease?.token ?? null, end, actor, policy, nowMs);
  if (after === null) return 'changed';
  forgetFrontier(paths, after);
  if (verdict.isHere) await removeFreeLock(paths, attempt);
  return judgement.outcome;
}

async function removeContainerUnlessHanging(
  attempt: string,
  crawler: string,
  hanging: HangingEngines,
): Promise<ContainerRemoval> {
  if (hanging.has(crawler)) return 'engine_hangs';
  const removal = await removeContainerOf(attempt, crawler);
  if (removal === 'engine_hangs') hanging.add(crawler);
  return removal;
}
