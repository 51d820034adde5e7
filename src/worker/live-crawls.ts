import { readdirSync } from 'node:fs';
import type { LaunchSpec } from '../core/attempts/launch-spec.ts';
import type { Job } from '../core/jobs/job.ts';
import { onLocalDisk, type RunningCrawl } from '../core/recovery/recovery-world.ts';
import { readPlainFile } from '../effects/plain-file.ts';
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
 */
export async function liveCrawls(paths: WorkerPaths, jobs: readonly Job[]): Promise<LiveCrawl[]> {
  const here = await crawlsOfThisHost(paths);
  return [...runningCrawls(jobs), ...here.map(({ attempt, outputDir }) => ({ name: attempt, outputDir }))];
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

/** What the database says is running. */
export function runningCrawls(jobs: readonly Job[]): LiveCrawl[] {
  return jobs
    .filter((job) => job.status === 'running')
    .map((job) => ({ name: `job ${job.id}`, outputDir: job.outputDir }));
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
