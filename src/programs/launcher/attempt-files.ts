/** The files of this attempt in the output directory, which is the working directory. All throw Node's system errors. */
import { closeSync, fsyncSync, linkSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { errnoOf } from './errno.ts';

/** Names in `warcs/` that begin with the attempt's name. */
export function filesOfAttempt(attempt: string): string[] {
  return readdirSync('warcs')
    .filter((name) => name.startsWith(`${attempt}-`) || name === `${attempt}.cdxj`)
    .sort();
}

export function warcFilesOf(attempt: string): string[] {
  return filesOfAttempt(attempt).filter((name) => name.endsWith('.warc.gz'));
}

export function sizeOfFiles(names: readonly string[]): number {
  return names.reduce((bytes, name) => bytes + statSync(`warcs/${name}`).size, 0);
}

/** After this the archive survives a power cut, and storage has said whether it really took every byte. */
export function syncFiles(names: readonly string[]): void {
  for (const name of names) {
    const fd = openSync(`warcs/${name}`, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
  syncFolder('warcs');
}

/** Makes names in the folder durable, where its file system can; those of some networks can't and say so. */
function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EINVAL' && errno !== 'ENOSYS' && errno !== 'ENOTSUP') throw error;
  } finally {
    closeSync(fd);
  }
}

/** Moves what a container left below `workDir` to `warcs/JOB-NNN-NNNNN.warc.gz`, in the order of its paths. */
export function adoptContainerFiles(attempt: string, workDir: string): void {
  const found = readdirSync(workDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.warc.gz'))
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .sort();
  found.forEach((path, index) => {
    moveWithoutOverwriting(path, `warcs/${attempt}-${String(index).padStart(5, '0')}.warc.gz`);
  });
}

/** link(2) refuses an existing name, which rename(2) replaces. sshfs and others have no links: there the name is looked up. */
function moveWithoutOverwriting(from: string, to: string): void {
  try {
    linkSync(from, to);
    rmSync(from);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EPERM' && errno !== 'ENOSYS' && errno !== 'ENOTSUP' && errno !== 'EMLINK') throw error;
    if (statSync(to, { throwIfNoEntry: false }) !== undefined) throw error;
    renameSync(from, to);
  }
}
