/**
 * Goes into the output directory, once it has been checked what it lies on. From then on the directory is the working
 * directory of the launcher and of the crawler, and every path is relative to it: a mount that comes or goes over the
 * same name afterwards can't move the crawl to another disk.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { CrawlerExit } from '../../core/attempts/attempt-end.ts';
import type { MountIdentity } from '../../core/storage/mountinfo.ts';
import { describeIdentity, identityOf, isSameIdentity } from '../../core/storage/path-report.ts';
import { readMountTable } from '../../effects/read-mounts.ts';
import { errnoOf } from './errno.ts';

export type StorageProblem = Extract<CrawlerExit, { kind: 'storage_error' | 'wrong_storage' }>;

/** What it was admitted on. */
export interface ExpectedStorage {
  readonly mount: MountIdentity;
  readonly device: string;
}

/** Null when the working directory is the output directory now. */
export function enterOutputDirectory(outputDir: string, expected: ExpectedStorage): StorageProblem | null {
  let operation = 'open the output directory';
  try {
    let fd = tryOpenDirectory(outputDir);
    if (fd === null) {
      // Made only on the right storage: a folder on the local disk, where a mount is missing, would be a trap.
      const onWrong = problemOfParent(dirname(outputDir), expected);
      if (onWrong !== null) return onWrong;
      operation = 'make the output directory';
      makeFolder(outputDir);
      fd = openSync(outputDir, constants.O_RDONLY | constants.O_DIRECTORY);
    }
    operation = 'enter the output directory';
    try {
      const wrong = problemOfMount(fd, expected);
      if (wrong !== null) return wrong;
      process.chdir(`/proc/self/fd/${fd}`);
    } finally {
      closeSync(fd);
    }
    const actual = process.cwd();
    if (actual === outputDir) return null;
    return { kind: 'wrong_storage', detail: `${outputDir} leads to ${actual}` };
  } catch (error) {
    return { kind: 'storage_error', operation, errno: errnoOf(error) };
  }
}

function problemOfParent(path: string, expected: ExpectedStorage): StorageProblem | null {
  const fd = tryOpenDirectory(path);
  if (fd === null) return problemOfParent(dirname(path), expected);
  try {
    const actual = readlinkSync(`/proc/self/fd/${fd}`);
    if (actual !== path) return { kind: 'wrong_storage', detail: `${path} leads to ${actual}` };
    return problemOfMount(fd, expected);
  } finally {
    closeSync(fd);
  }
}

function tryOpenDirectory(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Whether a folder inside the working directory is on the same mount: what somebody has mounted on it, or a link in its place, would
 * swallow what is written there.
 * @throws Node's system errors
 */
export function problemOfFolder(path: string): StorageProblem | null {
  const [own, folder] = ['.', path].map((each) => {
    const fd = openSync(each, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return mountIdOf(fd);
    } finally {
      closeSync(fd);
    }
  });
  if (own === folder) return null;
  const mount = readMountTable().mounts.find(({ id }) => id === folder);
  const what = mount === undefined ? '' : ` (${mount.fstype}, mounted at ${mount.mountPoint})`;
  return { kind: 'wrong_storage', detail: `${path} in it lies on another mount${what}` };
}

function mountIdOf(fd: number): number {
  return Number(/^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]);
}

/** By the mount of the open directory, which stays the same whatever happens to the path. */
function problemOfMount(fd: number, expected: ExpectedStorage): StorageProblem | null {
  const id = mountIdOf(fd);
  const mount = readMountTable().mounts.find((candidate) => candidate.id === id);
  if (mount === undefined) {
    return { kind: 'wrong_storage', detail: 'its mount has been taken away meanwhile' };
  }
  const actual = identityOf(mount);
  if (!isSameIdentity(actual, expected.mount)) {
    const detail = `expected ${describeIdentity(expected.mount)}, found ${describeIdentity(actual)}`;
    return { kind: 'wrong_storage', detail };
  }
  if (mount.device === expected.device) return null;
  return { kind: 'wrong_storage', detail: 'it has been mounted anew since it was looked at' };
}

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

/**
 * Writes, syncs and removes a small file: whether storage takes data, and if not why. A crawler's message often does
 * not name the cause. Null when it works, else the errno's name.
 */
export function errnoOfWriting(folder: string): string | null {
  const path = `${folder}/.write-test`;
  try {
    const fd = openSync(path, 'w', 0o644);
    try {
      writeSync(fd, 'healtharchive\n');
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    rmSync(path);
    return null;
  } catch (error) {
    return errnoOf(error);
  }
}
