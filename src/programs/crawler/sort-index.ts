import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Sorts the lines of a file by their bytes: by sort(1), which needs no memory for that.
 * @param scratch a folder on the local disk
 * @throws what storage answers, or what sort says
 */
export function sortIndex(file: string, scratch: string): void {
  const sorted = join(scratch, 'sorted');
  const { status, error, stderr } = spawnSync('sort', ['-T', scratch, '-o', sorted, file], {
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`sort: ${stderr.trim()}`);
  const next = `${file}.sorted`;
  copyFileSync(sorted, next);
  const fd = openSync(next, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, file);
  rmSync(sorted);
}
