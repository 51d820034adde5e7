import { statfsSync } from 'node:fs';
import type { ChildAnswer } from './child-protocol.ts';
import { errnoName } from './errno-name.ts';

/** What an ordinary user may still use, in percent of the file system. */
export function freeSpace(path: string): ChildAnswer {
  try {
    const { blocks, bavail } = statfsSync(path);
    return { kind: 'statfs', freePercent: blocks > 0 ? (bavail / blocks) * 100 : null };
  } catch (error) {
    return { kind: 'error', id: 0, errno: errnoName(error) };
  }
}

/**
 * Null where it can't be known. Some servers answer with invented numbers; zero free bytes is believable all the
 * same.
 */
export function freeBytes(path: string): number | null {
  try {
    const { blocks, bavail, bsize } = statfsSync(path);
    return blocks > 0 ? bavail * bsize : null;
  } catch {
    return null;
  }
}
