import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FrontierState } from '../core/crawler/crawl-report.ts';
import { Frontier } from './frontier.ts';
import { isUnreadable } from './frontier-error.ts';

export interface OpenedFrontier {
  readonly frontier: Frontier;
  readonly how: FrontierState;
}

/**
 * One that can't be read is set aside, beside the new one.
 * @param archiveFolder where WARC files of an earlier attempt would say that there has been one
 * @param attempt `JOB-NNN`
 * @throws what else goes wrong: a full disk, rights
 */
export function openFrontier(file: string, archiveFolder: string, attempt: string): OpenedFrontier {
  const isThere = existsSync(file);
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  try {
    const how = isThere ? 'continued' : hasEarlierArchive(archiveFolder, attempt) ? 'lost' : 'new';
    return { frontier: new Frontier(file), how };
  } catch (error) {
    if (!isThere || !isUnreadable(error)) throw error;
  }
  setAside(file);
  return { frontier: new Frontier(file), how: 'set_aside' };
}

function hasEarlierArchive(folder: string, attempt: string): boolean {
  const job = attempt.slice(0, attempt.lastIndexOf('-') + 1);
  return readdirSync(folder).some(
    (name) => name.startsWith(job) && !name.startsWith(`${attempt}-`) && name.endsWith('.warc.gz'),
  );
}

/** Renames it, so that the next one begins anew. */
export function setAside(file: string): void {
  const suffix = `.unreadable-${new Date().toISOString().replace(/[:.]/g, '')}`;
  for (const part of ['', '-wal', '-shm'])
    if (existsSync(file + part)) renameSync(file + part, file + suffix + part);
}
