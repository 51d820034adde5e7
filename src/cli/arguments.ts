/** What people give to commands, checked: ids, names, addresses. */
import { InvalidArgumentError } from 'commander';
import { UsageError } from '../core/errors.ts';
import type { Job } from '../core/jobs/job.ts';
import { canonicalSeed } from '../core/crawler/crawl-url.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { JobQueries } from '../store/job-queries.ts';

/** Parses the ID argument of a command. */
export function parseJobId(text: string): number {
  const id = Number(text);
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('A job id is a whole number from 1.');
  return id;
}

/** Parses a number of things. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

/** @throws UsageError when there is no such job */
export async function existingJob(jobs: JobQueries, id: number): Promise<Job> {
  const job = await jobs.find(id);
  if (job === null) throw unknownJob(id);
  return job;
}

export function unknownJob(id: number): UsageError {
  return new UsageError(`there is no job ${id}.`, 'healtharchive jobs list');
}

/** A name may hold anything, but not nothing, and not without end. */
const maxNameBytes = 255;

/** @throws UsageError for a name that is empty, of spaces alone, or too long */
export function checkedName(option: string, name: string): string {
  if (name.trim() === '')
    throw new UsageError(`${option} "${escapeToWidth(name, 40)}": a name can't be empty.`);
  if (Buffer.byteLength(name) > maxNameBytes)
    throw new UsageError(
      `${option} ${escapeToWidth(name, 40)}: a name has at most ${maxNameBytes} bytes, and this has ${Buffer.byteLength(name)}.`,
    );
  return name;
}

/** @throws UsageError for the first seed that is no http(s) URL with a host */
export function checkedSeeds(seeds: readonly string[]): string[] {
  return [
    ...new Set(
      seeds.map((seed) => {
        const canonical = canonicalSeed(seed);
        if (canonical !== null) return canonical;
        throw new UsageError(
          `--seed ${escapeToWidth(seed, 200)}: not an http:// or https:// URL with a host (and without user and password).`,
        );
      }),
    ),
  ];
}
