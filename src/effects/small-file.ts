import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces a file on local disk as a whole: readers see the old text or the new one, also after a power cut.
 * @throws the file system's error (ENOSPC, EACCES, ...); the old file is untouched then
 */
export function writeFileAtomically(path: string, text: string, mode = 0o644): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const fd = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  );
  try {
    try {
      const bytes = Buffer.from(text);
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Makes sure of the names in a folder: of a file that was made, or renamed. @throws the errors of open(2) and fsync(2) */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const maxBytes = 64 * 1024 * 1024;

/**
 * The text of a regular file of at most 64 MiB. Something else in its place, like a FIFO that nobody writes to, can't hold
 * the reader up. With `followLinks: false` a symbolic link is an error too: for root, who reads what others wrote.
 * @throws Node's system errors; also `EISDIR` for a folder, `EINVAL` for what is no plain file, `EFBIG` for one that is too large
 */
export function readPlainFile(path: string, { followLinks }: { readonly followLinks: boolean }): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | (followLinks ? 0 : O_NOFOLLOW));
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory()) throw notReadable('EISDIR', `${path} is a folder`);
    if (!stats.isFile()) throw notReadable('EINVAL', `${path} is no plain file`);
    if (stats.size > maxBytes) throw notReadable('EFBIG', `${path} is larger than 64 MiB`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function notReadable(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

/** Tells one state of a file from the next, without reading it; null as long as it is not there, or nobody can say. */
export function fileVersion(path: string): string | null {
  try {
    const { ino, mtimeMs } = lstatSync(path);
    return `${ino} ${mtimeMs}`;
  } catch {
    return null;
  }
}
