import { lstatSync, readdirSync } from 'node:fs';
import { openBelow, openDirectory, viaDescriptor } from './pin.ts';
import type { ChildAnswer, CountRequest } from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';
import { runMountProgram } from '../../effects/storage/mount-program.ts';

/** How often the clock is looked at. */
const entriesPerLook = 64;

/**
 * Counts what is no directory. To look under a mount, the directory above it is bound, without the mounts in it, over the
 * jobs root; that is why it must be done in a mount namespace that ends with this process.
 */
export function countFiles(
  { jobsRoot, paths, isUnder, timeLimitMs }: CountRequest,
  answer: (line: ChildAnswer) => void,
): void {
  const deadline = performance.now() + timeLimitMs;
  const root = openDirectory(jobsRoot);
  const parents = paths.map((names) => tryOpenBelow(root, names.slice(0, -1)));
  for (const [id, names] of paths.entries()) {
    const parent = parents[id];
    const name = names.at(-1) ?? '';
    try {
      if (parent === undefined) throw new Error('it was not opened');
      if (typeof parent === 'string') {
        // A directory above it that is not there holds no files; whatever else it is, nobody has looked.
        if (parent === 'ENOENT') answer({ kind: 'counted', id, files: 0, bytes: 0, isAtLeast: false });
        else answer({ kind: 'error', id, errno: parent });
        continue;
      }
      if (isUnder) {
        const problem = runMountProgram('mount', ['-c', '--bind', viaDescriptor(3), jobsRoot], [parent]);
        if (problem !== null) {
          answer({ kind: 'not_counted', id, detail: problem });
          continue;
        }
      }
      const folder = isUnder ? jobsRoot : viaDescriptor(parent);
      answer({ kind: 'counted', id, ...count(Buffer.from(`${folder}/${name}`), deadline) });
    } catch (error) {
      answer({ kind: 'error', id, errno: errnoName(error) });
    }
  }
}

/** An errno's name when it can't be opened. */
function tryOpenBelow(root: number, names: readonly string[]): number | string {
  try {
    return openBelow(root, names, false);
  } catch (error) {
    return errnoName(error);
  }
}

const separator = Buffer.from('/');

/** Names are bytes: not all that lie on a disk are UTF-8. What vanishes or can't be read meanwhile makes it a minimum. */
function count(top: Buffer, deadline: number) {
  let files = 0;
  let bytes = 0;
  let isAtLeast = false;
  let entries = 0;
  const stat = lstatSync(top, { throwIfNoEntry: false });
  // What is no directory is no mount point; a link leads elsewhere, and is not followed.
  const waiting = stat?.isDirectory() === true ? [top] : [];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    try {
      for (const entry of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
        entries += 1;
        if (entries % entriesPerLook === 0 && performance.now() > deadline) {
          return { files, bytes, isAtLeast: true };
        }
        const below = Buffer.concat([path, separator, entry.name]);
        if (entry.isDirectory()) {
          waiting.push(below);
          continue;
        }
        files += 1;
        bytes += lstatSync(below, { throwIfNoEntry: false })?.size ?? 0;
      }
    } catch (error) {
      if (path === top) throw error;
      isAtLeast = true;
    }
  }
  return { files, bytes, isAtLeast };
}
