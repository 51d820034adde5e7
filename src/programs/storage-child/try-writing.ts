import { closeSync, constants, fsyncSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { WriteStep } from '../../core/storage/write-check.ts';
import type { ChildAnswer, ChildRequest } from '../../effects/storage/child-protocol.ts';
import { freeBytes } from './statfs.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** Bytes: small, but more than file systems keep inside an inode. */
const contentLength = 4096;

/**
 * Makes a file in the directory, or in the nearest one above it down to `top`; writes, syncs, reads it back and removes it. Each step is told
 * before, as each waits for its answer. The file is removed after a failure too; only a hang between its making and its removal leaves one
 * behind (its name tells what it is).
 */
export function checkWrite(
  { directory, top, name, user }: Extract<ChildRequest, { readonly operation: 'write_check' }>,
  answer: (line: ChildAnswer) => void,
): ChildAnswer {
  let step = 'become_user' as WriteStep;
  const begin = (next: WriteStep): void => {
    step = next;
    answer({ kind: 'doing', step });
  };
  let folder = directory;
  let path = '';
  let file: number | null = null;
  let isMade = false;
  try {
    if (user) becomeUser(user);
    begin('create');
    path = `${folder}/${name}`;
    file = openNew(path, top === null || folder === top);
    while (file === null) {
      folder = dirname(folder);
      path = `${folder}/${name}`;
      begin('create');
      file = openNew(path, folder === top);
    }
    isMade = true;
    begin('write');
    const content = Buffer.alloc(contentLength, name);
    writeSync(file, content, 0, contentLength, 0);
    begin('sync');
    fsyncSync(file);
    begin('read');
    const back = Buffer.alloc(contentLength);
    const length = readSync(file, back, 0, contentLength, 0);
    // Network file systems report late write errors at close.
    begin('sync');
    const open = file;
    file = null;
    closeSync(open);
    begin('remove');
    unlinkSync(path);
    isMade = false;
    return length === contentLength && back.equals(content) ? { kind: 'written' } : { kind: 'corrupt' };
  } catch (error) {
    const errno = errnoName(error);
    if (file !== null) ignoreFailure(closeSync, file);
    const free = freeBytes(folder);
    if (isMade && step !== 'remove') ignoreFailure(unlinkSync, path);
    return { kind: 'write_error', step, errno, freeBytes: free };
  }
}

/** Null when the directory is not there, unless it must be. */
function openNew(path: string, mustBeThere: boolean): number | null {
  try {
    return openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, 0o600);
  } catch (error) {
    if (!mustBeThere && errnoName(error) === 'ENOENT') return null;
    throw error;
  }
}

/** The types of Node leave it out (https://nodejs.org/api/process.html#processinitgroupsuser-extragroup). */
interface ProcessOfRoot extends NodeJS.Process {
  initgroups(user: number, group: number): void;
}

function becomeUser({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  try {
    (process as ProcessOfRoot).initgroups(uid, gid);
  } catch {
    // A user id without a name has no further groups.
    process.setgroups?.([gid]);
  }
  process.setgid?.(gid);
  process.setuid?.(uid);
}

function ignoreFailure<T>(act: (argument: T) => void, argument: T): void {
  try {
    act(argument);
  } catch {
    // The first error is the one that counts.
  }
}
