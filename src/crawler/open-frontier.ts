import { existsSync, renameSync } from 'node:fs';
import { Frontier } from './frontier.ts';

export interface OpenedFrontier {
  readonly frontier: Frontier;
  /** `new`: there was none. `set_aside`: there was one that can't be read; it lies beside it, and the crawl begins anew. */
  readonly how: 'continued' | 'new' | 'set_aside';
}

/** Results of SQLite (sqlite.org/rescode.html): the file is damaged, or none of its own. */
const unreadable: ReadonlySet<number> = new Set([11, 26]);

/** @throws what else goes wrong: a full disk, rights */
export function openFrontier(file: string): OpenedFrontier {
  const isThere = existsSync(file);
  try {
    return { frontier: new Frontier(file), how: isThere ? 'continued' : 'new' };
  } catch (error) {
    if (!isThere || !isUnreadable(error)) throw error;
  }
  const suffix = `.unreadable-${new Date().toISOString().replace(/[:.]/g, '')}`;
  for (const part of ['', '-wal', '-shm'])
    if (existsSync(file + part)) renameSync(file + part, file + suffix + part);
  return { frontier: new Frontier(file), how: 'set_aside' };
}

function isUnreadable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.message.startsWith('a frontier of version')) return true;
  return 'errcode' in error && typeof error.errcode === 'number' && unreadable.has(error.errcode & 0xff);
}
