import { statfsSync } from 'node:fs';
import type { FreeSpace } from '../../core/storage/free-space.ts';
import type { ChildAnswer } from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';

/** Null where the file system tells no size. */
function readSpace(path: string): FreeSpace | null {
  const { blocks, bavail, bsize } = statfsSync(path);
  return blocks > 0 ? { bytes: bavail * bsize, percent: (bavail / blocks) * 100 } : null;
}

export function freeSpace(path: string): ChildAnswer {
  try {
    return { kind: 'statfs', space: readSpace(path) };
  } catch (error) {
    return { kind: 'error', id: 0, errno: errnoName(error) };
  }
}

/** Null where it can't be known. */
export function freeBytes(path: string): number | null {
  try {
    return readSpace(path)?.bytes ?? null;
  } catch {
    return null;
  }
}
