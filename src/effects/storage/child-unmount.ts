import { closeSync } from 'node:fs';
import { mountIdOf, openBelow, openDirectory, viaDescriptor } from './child-pinned.ts';
import type { ChildAnswer, UnmountRequest } from './child-protocol.ts';
import { errnoName } from './errno-name.ts';
import { runMountProgram } from './mount-program.ts';

/** Takes off the topmost mount of the hot path, if it still is the one that is meant: plainly first, lazily if it is busy. */
export function unmount({ jobsRoot, hotNames, mountId }: UnmountRequest): ChildAnswer {
  try {
    const parent = openBelow(openDirectory(jobsRoot), hotNames.slice(0, -1), false);
    const name = hotNames.at(-1) ?? '';
    if (topmostAt(parent, name) !== mountId) {
      return { kind: 'refused', errno: null, detail: 'another mount lies there than when the plan was made' };
    }
    // A mount point can't be renamed or replaced, and the directory above it is held open.
    const target = `${viaDescriptor(3)}/${name}`;
    if (runMountProgram('umount', ['-c', target], [parent]) === null) {
      return { kind: 'unmounted', isLazy: false };
    }
    const problem = runMountProgram('umount', ['-c', '--lazy', target], [parent]);
    if (problem !== null) return { kind: 'refused', errno: null, detail: problem };
    return { kind: 'unmounted', isLazy: true };
  } catch (error) {
    const errno = errnoName(error);
    return { kind: 'refused', errno, detail: `could not open the directory it is mounted in (${errno})` };
  }
}

/** Closed at once: an open directory keeps its mount busy. */
function topmostAt(parent: number, name: string): number {
  const top = openDirectory(viaDescriptor(parent, name));
  try {
    return mountIdOf(top);
  } finally {
    closeSync(top);
  }
}
