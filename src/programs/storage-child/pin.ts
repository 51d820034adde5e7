/**
 * Directories that stay the same whatever other processes rename or link meanwhile. A path is walked from a directory
 * that is trusted, name by name, each in the directory that was opened before it and without following a link; what
 * is opened with O_PATH is then used through /proc/self/fd (proc_pid_fd(5)), never by its path again. O_PATH asks
 * nothing of the file system that is mounted there, so a dead one can be opened too (open(2)).
 */
import { chownSync, closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { unescapeMountField } from '../../core/storage/mountinfo.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';

/** Node has no name for it; the same on every architecture it runs on. */
const O_PATH = 0o10000000;
const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** The path of an open file, for programs that are given no descriptor. */
export function viaDescriptor(fd: number, name?: string): string {
  return name === undefined ? `/proc/self/fd/${fd}` : `/proc/self/fd/${fd}/${name}`;
}

/** @throws Node's system errors; ENOTDIR also for a symbolic link */
export function openDirectory(path: string): number {
  return openSync(path, flags);
}

/**
 * Opens what is at `names` below the open directory. With `make`, absent directories are made, like the one above.
 * @param tell called before each name, which may wait for a server
 */
export function openBelow(
  fd: number,
  names: readonly string[],
  make: boolean,
  tell: () => void = () => undefined,
): number {
  let current = openSync(viaDescriptor(fd), O_PATH | constants.O_DIRECTORY);
  for (const name of names) {
    const above = current;
    tell();
    try {
      current = openName(above, name, make);
    } finally {
      closeSync(above);
    }
  }
  return current;
}

function openName(above: number, name: string, make: boolean): number {
  // O_NOFOLLOW says nothing about these two, which lead elsewhere just as well.
  if (name === '' || name === '.' || name === '..') throw notBelow();
  const path = viaDescriptor(above, name);
  const isNew = make && makeIfAbsent(path);
  const directory = openDirectory(path);
  if (!isNew) return directory;
  const owner = fstatSync(above);
  try {
    chownSync(viaDescriptor(directory), owner.uid, owner.gid);
  } catch {
    // A server may know no owners, or show all files as one user's already; the write check tells whether it matters.
  }
  return directory;
}

/**
 * Whether it was made. Tried before anybody looks: for a second, the kernel answers a look by itself, with a directory that was
 * removed on the server since (entry_timeout in fuse(8)); who wants to make one is answered by the server.
 */
function makeIfAbsent(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (errnoName(error) === 'EEXIST') return false;
    // SFTP has no error of its own for what somebody else made just now, so whatever it was, we look.
    try {
      closeSync(openDirectory(path));
      return false;
    } catch {
      throw error;
    }
  }
}

function notBelow(): NodeJS.ErrnoException {
  return Object.assign(new Error('a name that leads nowhere below'), { code: 'EINVAL' });
}

/** Of the mount that the open directory lies in, as in mountinfo (proc_pid_fdinfo(5)). */
export function mountIdOf(fd: number): number {
  return Number(/^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]);
}

/** In bytes: a directory above it can have been given a name that is no UTF-8. */
function mountPointOf(mountId: number): Buffer {
  const fields = readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([id]) => id === String(mountId));
  return Buffer.from(unescapeMountField(fields?.[4] ?? '/nowhere'), 'latin1');
}

const openMountTries = 100;

/**
 * Opens the root of a mount wherever it is now. Its path may be renamed all the while, so what was opened is asked for its
 * mount id. Throws Node's system errors.
 */
export function openMount(mountId: number): number {
  for (let tries = 1; ; tries += 1) {
    try {
      const fd = openSync(mountPointOf(mountId), flags);
      if (mountIdOf(fd) === mountId) return fd;
      closeSync(fd);
      if (tries >= openMountTries) throw new Error(`mount ${mountId} is not to be caught`);
    } catch (error) {
      if (tries >= openMountTries) throw error;
    }
  }
}
