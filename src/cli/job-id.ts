import { InvalidArgumentError } from 'commander';
import { UsageError } from '../core/errors.ts';
import type { Job } from '../core/jobs/job.ts';
import type { JobStore } from '../store/job-store.ts';

/** Parses the ID argument of a command. */
export function parseJobId(text: string): number {
  const id = Number(text);
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('A job id is a whole number from 1.');
  return id;
}

/** @throws UsageError when there is no such job */
export async function existingJob(jobs: JobStore, id: number): Promise<Job> {
  const job = await jobs.find(id);
  if (job === null) throw unknownJob(id);
  return job;
}

export function unknownJob(id: number): UsageError {
  return new UsageError(`there is no job ${id}.`, 'healtharchive jobs list');
}
