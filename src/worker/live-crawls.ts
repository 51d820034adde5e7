import { readdirSync, readFileSync } from 'node:fs';
import type { LaunchSpec } from '../core/attempts/launch-spec.ts';
import type { Job } from '../core/jobs/job.ts';
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
  const crawls: LiveCrawl[] = jobs
    .filter((job) => job.status === 'running')
    .map((job) => ({ name: `job ${job.id}`, outputDir: job.outputDir }));
  for (const name of attemptsWithLock(paths)) {
    if (await isCrawlerGone(paths, name)) continue;
    crawls.push({ name, outputDir: outputDirOf(paths, name) });
  }
  return crawls;
}

function attemptsWithLock({ locks }: WorkerPaths): string[] {
  try {
    return readdirSync(locks).flatMap((file) => attemptLockName.exec(file)?.[1] ?? []);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** `/` when nobody can say: then it may write anywhere. */
function outputDirOf(paths: WorkerPaths, attempt: string): string {
  try {
    const spec = JSON.parse(readFileSync(attemptFiles(paths, attempt).spec, 'utf8')) as Partial<LaunchSpec>;
    return spec.outputDir ?? '/';
  } catch {
    return '/';
  }
}
