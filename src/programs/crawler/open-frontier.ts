import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FrontierState } from '../../core/crawler/crawl-report.ts';
import type { CrawlSpec } from '../../core/crawler/crawl-spec.ts';
import { Frontier } from './frontier.ts';

/** SQLite's own files beside it (https://www.sqlite.org/tempfiles.html). */
const parts = ['', '-wal', '-shm'] as const;

export interface OpenedFrontier {
  readonly frontier: Frontier;
  readonly how: FrontierState;
}

/**
 * One that can't be read is set aside, beside the new one.
 * @param archiveFolder where WARC files of an earlier attempt would say that there has been one
 * @throws what else goes wrong: a full disk, rights
 */
export function openFrontier(
  { frontierFile: file, isBegunAnew, attempt }: Pick<CrawlSpec, 'frontierFile' | 'isBegunAnew' | 'attempt'>,
  archiveFolder: string,
): OpenedFrontier {
  if (isBegunAnew) for (const part of parts) rmSync(file + part, { force: true });
  const isThere = existsSync(file);
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  try {
    const isMissing = !isBegunAnew && hasEarlierArchive(archiveFolder, attempt);
    const how = isThere ? 'continued' : isMissing ? 'lost' : 'new';
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
  for (const part of parts) if (existsSync(file + part)) renameSync(file + part, file + suffix + part);
}

/** What went wrong with a frontier, by the results of SQLite (sqlite.org/rescode.html). */

/** The file is damaged, or none of SQLite's, or of another version of ours: nothing in it can be relied on. */
export function isUnreadable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.startsWith('a frontier of version') || [11, 26].includes(resultOf(error));
}

/** The errno that says the same of the local disk; null: no such fault. */
export function errnoOfFrontier(error: unknown): string | null {
  if (isUnreadable(error)) return 'EIO';
  return errnos[resultOf(error)] ?? null;
}

const errnos: Readonly<Record<number, string>> = {
  3: 'EACCES',
  7: 'ENOMEM',
  8: 'EROFS',
  10: 'EIO',
  13: 'ENOSPC',
  14: 'EIO',
};

/** The primary result, without what extends it. */
function resultOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : 0;
}
