import { lchownSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder of the state, and those above it that are missing: for its owner and group alone, and owned like the
 * folder above. Whoever comes first makes it, and that can be root, as at boot: the worker must be able to use it all
 * the same. Local disk only. Throws Node's system errors.
 */
export function makeStateFolder(path: string): void {
  const parent = dirname(path);
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  if (parent !== path) makeStateFolder(parent);
  try {
    mkdirSync(path, { mode: 0o750 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  const { uid, gid } = lstatSync(parent);
  // The link's own owner, never what a link put there meanwhile points to.
  if (process.geteuid?.() === 0) lchownSync(path, uid, gid);
}
