import { readdirSync } from 'node:fs';
import type { Job } from '../core/jobs/job.ts';
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

const attemptLockName = /^attempt-(\d+-\d+)$/;

/**
 * Every crawl that may write now: what holds its attempt's lock on this host, whatever the database says, and what the
 * database says is running, on whatever host.
 */
export async function liveCrawls(paths: WorkerPaths, jobs: readonly Job[]): Promise<LiveCrawl[]> {
  const crawls = runningCrawls(jobs);
  for (const name of attemptsWithLock(paths)) {
    if (await isGone(paths, name)) continue;
    crawls.push({ name, outputDir: outputDirOf(paths, name) });
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

function attemptsWithLock({ locks }: WorkerPaths): string[] {
  try {
    return readdirSync(locks).flatMap((file) => attemptLockName.exec(file)?.[1] ?? []);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** `/` when nobody can say: then it may write anywhere. Root reads here what the worker's user wrote. */
function outputDirOf(paths: WorkerPaths, attempt: string): string {
  try {
    const text = readPlainFile(attemptFiles(paths, attempt).spec, { followLinks: false });
    const spec = JSON.parse(text) as { readonly outputDir?: unknown };
    return typeof spec.outputDir === 'string' ? spec.outputDir : '/';
  } catch {
    return '/';
  }
}
