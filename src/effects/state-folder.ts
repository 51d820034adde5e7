import { lchownSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperatorError } from '../core/errors.ts';

/**
 * Makes a folder of the state, and those above it that are missing: for its owner and group alone, and owned like the
 * folder above. Whoever comes first makes it, and that can be root, as at boot: the worker must be able to use it all
 * the same. Local disk only.
 * @throws OperatorError for root, when somebody else has put a link there; Node's system errors otherwise
 */
export function makeStateFolder(path: string): void {
  const parent = dirname(path);
  const isRoot = process.geteuid?.() === 0;
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (isRoot && there?.isSymbolicLink() === true && there.uid !== 0) {
    throw new OperatorError(`${path} is a symbolic link of another user: root does not follow it.`);
  }
  if (there !== undefined) return;
  if (parent !== path) makeStateFolder(parent);
  try {
    mkdirSync(path, { mode: 0o750 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  const { uid, gid } = lstatSync(parent);
  // The link's own owner, never what a link put there meanwhile points to.
  if (isRoot) lchownSync(path, uid, gid);
}
