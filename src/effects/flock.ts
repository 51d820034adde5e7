import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { OperatorError } from '../core/errors.ts';

/** An advisory lock, flock(2), that this process holds through an open file. */
export interface HeldLock {
  /** Children that inherit it hold the lock too: it is free when the last of them is gone. */
  readonly fd: number;
  /** Gives up our share. The lock stays held as long as a child has the descriptor. */
  release(): void;
}

const conflictStatus = 75;
const deadlineMs = 5000;
/** Much longer than anybody takes to look at a lock, on a busy machine too. */
const lookersSeconds = 1;

/**
 * Takes the lock at `path`, making the file if need be. Nobody who holds it exclusively is waited for; who holds it shared may only
 * be looking at it (`isLockFree`), and is given a second. The file stays afterwards: removing it would let two holders lock two
 * different files of one name.
 * @returns null when somebody else holds it
 * @throws OperatorError when the file can't be opened or `flock` is missing
 */
export async function tryLock(path: string, kind: 'exclusive' | 'shared'): Promise<HeldLock | null> {
  const fd = openLockFile(path);
  try {
    if (!(await lockOrOutwait(fd, kind)) || !isStillAt(fd, path)) {
      closeSync(fd);
      return null;
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let isHeld = true;
  return {
    fd,
    release: () => {
      if (isHeld) closeSync(fd);
      isHeld = false;
    },
  };
}

/** True when nobody holds an exclusive lock on `path`; also when there is no such file. */
export async function isLockFree(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return true;
  const lock = await tryLock(path, 'shared');
  lock?.release();
  return lock !== null;
}

function openLockFile(path: string): number {
  try {
    // Never through a symbolic link: the folder is ours, but a mistake in its permissions must not let others choose the file.
    // Reading is enough for flock(2), so root and the worker can share a lock file whoever made it. That others can't
    // hold it is up to the folder: it is theirs neither to write nor to enter.
    return openSync(
      path,
      constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      0o644,
    );
  } catch (error) {
    throw new OperatorError(`lock file ${path} can't be opened: ${(error as Error).message}`);
  }
}

async function lockOrOutwait(fd: number, kind: 'exclusive' | 'shared'): Promise<boolean> {
  if (await lockDescriptor(fd, kind)) return true;
  const isHeldShared = kind === 'exclusive' && (await lockDescriptor(fd, 'shared'));
  return isHeldShared && (await lockDescriptor(fd, kind, lookersSeconds));
}

/** util-linux `flock` locks the open file that it inherits from us; the lock is the file's, so it stays when it exits. */
async function lockDescriptor(
  fd: number,
  kind: 'exclusive' | 'shared',
  waitSeconds?: number,
): Promise<boolean> {
  const patience = waitSeconds === undefined ? ['--nonblock'] : ['--timeout', String(waitSeconds)];
  const args = [...patience, `--${kind}`, '--conflict-exit-code', String(conflictStatus), '3'];
  const child = spawn('flock', args, {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore', fd],
    timeout: deadlineMs,
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new OperatorError(`flock can't be run: ${error.message}`, 'apt install util-linux'));
    });
    child.once('exit', resolve);
  });
  if (status === 0) return true;
  if (status === conflictStatus) return false;
  throw new OperatorError(`flock ended with status ${String(status)}.`);
}

/** A lock on a file that was removed meanwhile (a folder that a service manager cleans) protects nothing. */
function isStillAt(fd: number, path: string): boolean {
  const held = fstatSync(fd);
  const named = lstatSync(path, { throwIfNoEntry: false });
  return named?.ino === held.ino && named.dev === held.dev;
}
