import { lstatSync, opendirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ChildAnswer, CountRequest } from './child-protocol.ts';
import { errnoName } from './errno-name.ts';
import { runMountProgram } from './mount-program.ts';

/** How often the clock is looked at. */
const entriesPerLook = 64;

/**
 * Counts what is no directory. To look under a mount, the directory above it is bound over itself without the mounts
 * in it; that is why it must be done in a mount namespace that ends with this process.
 */
export function countFiles(
  { directories, isUnder, stopAt, timeLimitMs }: CountRequest,
  answer: (line: ChildAnswer) => void,
): void {
  const deadline = performance.now() + timeLimitMs;
  const untouchable = new Set(isUnder ? [] : stopAt);
  const uncovered = new Set<string>();
  for (const [id, directory] of directories.entries()) {
    const parent = dirname(directory);
    if (isUnder && !uncovered.has(parent)) {
      const problem = runMountProgram('mount', ['-c', '--bind', parent, parent], []);
      if (problem !== null) {
        answer({ kind: 'refused', errno: null, detail: problem });
        continue;
      }
      uncovered.add(parent);
    }
    try {
      answer({ kind: 'counted', id, ...count(directory, untouchable, deadline) });
    } catch (error) {
      const errno = errnoName(error);
      if (errno === 'ENOENT') answer({ kind: 'counted', id, files: 0, bytes: 0, isAtLeast: false });
      else answer({ kind: 'error', id, errno });
    }
  }
}

function count(top: string, untouchable: ReadonlySet<string>, deadline: number) {
  let files = 0;
  let bytes = 0;
  let entries = 0;
  // opendir would follow a link that somebody put there, to wherever.
  const waiting = lstatSync(top).isDirectory() ? [top] : [];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (untouchable.has(path)) continue;
    const directory = opendirSync(path);
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        entries += 1;
        if (entries % entriesPerLook === 0 && performance.now() > deadline) {
          return { files, bytes, isAtLeast: true };
        }
        const below = `${path}/${entry.name}`;
        if (entry.isDirectory()) {
          waiting.push(below);
          continue;
        }
        files += 1;
        bytes += lstatSync(below, { throwIfNoEntry: false })?.size ?? 0;
      }
    } finally {
      directory.closeSync();
    }
  }
  return { files, bytes, isAtLeast: false };
}
