import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExitRecord } from '../core/attempts/attempt-end.ts';
import type { Job } from '../core/jobs/job.ts';
import type { WorkerPaths } from './worker-paths.ts';

/**
 * The launcher's exit record of an attempt, or null when there is none, or a damaged one, or one of another time: attempt
 * numbers come again when the database is restored from a backup, tokens do not.
 */
export function readExitRecord(file: string, attempt: string, token: string): ExitRecord | null {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as ExitRecord;
    return record.attempt === attempt && record.token === token ? record : null;
  } catch {
    return null;
  }
}

/**
 * What a job's crawl knows of its addresses. Ids are given anew with a new database, so the time of creation is in the name: the
 * frontier of another job of that id must not be taken for this one's.
 */
export function frontierFile(paths: WorkerPaths, job: Pick<Job, 'id' | 'createdAtMs'>): string {
  return join(paths.frontiers, `${job.id}-${job.createdAtMs}.sqlite`);
}

/** A job that is completed needs it no more. A file that can't be removed takes room, and does no harm. */
export function forgetFrontier(paths: WorkerPaths, job: Pick<Job, 'id' | 'createdAtMs' | 'status'>): void {
  if (job.status !== 'completed') return;
  const file = frontierFile(paths, job);
  try {
    for (const part of ['', '-wal', '-shm']) rmSync(file + part, { force: true });
  } catch {
    // It stays.
  }
}
