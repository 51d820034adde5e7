import { readdirSync } from 'node:fs';
import { attemptName, type LaunchSpec } from '../core/attempts/launch-spec.ts';
import type { Job } from '../core/jobs/job.ts';
import { isOnThisHost } from '../core/jobs/lease.ts';
import { onLocalDisk, type RunningCrawl } from '../core/recovery/recovery-world.ts';
import type { HostIdentity } from '../effects/host.ts';
import { readPlainFile } from '../effects/small-file.ts';
import { isCrawlerGone } from './crawler-gone.ts';
import { attemptFiles, type WorkerPaths } from './worker-paths.ts';

/** A crawl that writes, or may write, below a directory. */
export interface LiveCrawl {
  /** `JOB-NNN`, or `job N` where the attempt is not known. */
  readonly name: string;
  /** Canonical, or as configured where only the database knows it. */
  readonly outputDir: string;
}

const attemptLockName = /^attempt-((\d+)-\d+)$/;

/**
 * Every crawl that may write now: what holds its attempt's lock on this host, whatever the database says, and what the
 * database says is running, on whatever host.
 * @throws Node's system errors when the locks can't be read (EACCES)
 */
export async function liveCrawls(
  paths: WorkerPaths,
  jobs: readonly Job[],
  host: HostIdentity,
): Promise<LiveCrawl[]> {
  const here = await crawlsOfThisHost(paths);
  const running = await runningCrawls(paths, jobs, host);
  return [...running, ...here.map(({ attempt, outputDir }) => ({ name: attempt, outputDir }))];
}

/**
 * Attempts whose lock is held on this host, each with the superblock that it was admitted on.
 * @throws Node's system errors when the locks can't be read (EACCES)
 */
export async function crawlsOfThisHost(paths: WorkerPaths): Promise<RunningCrawl[]> {
  const crawls: RunningCrawl[] = [];
  for (const [attempt, jobId] of attemptsWithLock(paths)) {
    if (await isGone(paths, attempt)) continue;
    crawls.push({ attempt, jobId, ...storageOf(paths, attempt) });
  }
  return crawls;
}

/** What the database says is running; but not what ran on this host before it was restarted, which nobody has given back yet. */
export async function runningCrawls(
  paths: WorkerPaths,
  jobs: readonly Job[],
  host: HostIdentity,
): Promise<LiveCrawl[]> {
  const running = jobs.filter((job) => job.status === 'running');
  const isOver = await Promise.all(
    running.map(async ({ id, attempts, lease }) => {
      if (lease === null || !isOnThisHost(lease, host) || lease.bootId === host.bootId) return false;
      return await isGone(paths, attemptName(id, attempts));
    }),
  );
  return running
    .filter((_, index) => isOver[index] !== true)
    .map(({ id, outputDir }) => ({ name: `job ${id}`, outputDir }));
}

/** What can't be asked is taken to live. */
async function isGone(paths: WorkerPaths, attempt: string): Promise<boolean> {
  try {
    return await isCrawlerGone(paths, attempt);
  } catch {
    return false;
  }
}

function attemptsWithLock({ locks }: WorkerPaths): [attempt: string, jobId: number][] {
  try {
    return readdirSync(locks).flatMap((file): [string, number][] => {
      const [, attempt, job] = attemptLockName.exec(file) ?? [];
      return attempt === undefined ? [] : [[attempt, Number(job)]];
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** When nobody can say, it may write anywhere (`/`), on any superblock. Root reads here what the worker's user wrote. */
function storageOf(paths: WorkerPaths, attempt: string): Pick<RunningCrawl, 'outputDir' | 'device'> {
  try {
    const text = readPlainFile(attemptFiles(paths, attempt).spec, { followLinks: false });
    const { outputDir, expectedDevice, expectedMount } = JSON.parse(text) as Partial<
      Record<keyof LaunchSpec, unknown>
    >;
    return {
      outputDir: typeof outputDir === 'string' ? outputDir : '/',
      device:
        typeof expectedDevice === 'string' ? expectedDevice : isLocal(expectedMount) ? onLocalDisk : null,
    };
  } catch {
    return { outputDir: '/', device: null };
  }
}

function isLocal(mount: unknown): boolean {
  return typeof mount === 'object' && mount !== null && 'kind' in mount && mount.kind === 'local';
}
