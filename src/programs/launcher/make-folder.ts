import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './errno.ts';

/**
 * As `mkdir -p`. Not mkdirSync with `recursive`: that never returns where a parent exists but making a folder in it
 * gives ENOENT (Node 24, seen on /proc; a network server does the same once the exported folder has been removed).
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let next = path; !madeOrThere(next); next = dirname(next)) {
    // Not even the top is there (a working directory that was removed): tried once more for its errno.
    if (dirname(next) === next) mkdirSync(path);
    missing.push(next);
  }
  for (const folder of missing.reverse()) mkdirSync(folder);
}

function madeOrThere(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return true;
    if (errno === 'ENOENT') return false;
    throw error;
  }
}
