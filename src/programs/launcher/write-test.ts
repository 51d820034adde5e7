import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { errnoOf } from './errno.ts';

/**
 * Writes, syncs and removes a small file: whether storage takes data, and if not why. A crawler's message often does
 * not name the cause. Null when it works, else the errno's name.
 */
export function errnoOfWriting(folder: string): string | null {
  const path = `${folder}/.write-test`;
  try {
    const fd = openSync(path, 'w', 0o644);
    try {
      writeSync(fd, 'healtharchive\n');
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    rmSync(path);
    return null;
  } catch (error) {
    return errnoOf(error);
  }
}
