import { closeSync, constants, fsyncSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { WriteStep } from '../../core/storage/write-check.ts';
import type { ChildAnswer } from '../../effects/storage/child-protocol.ts';
import { freeBytes } from './statfs.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** Bytes: small, but more than file systems keep inside an inode. */
const contentLength = 4096;

/**
 * Makes a file, writes, syncs, reads it back and removes it; each step is told before, as each waits for its answer. The file is removed after a failure too; only a hang
 * between its making and its removal leaves one behind (its name tells what it is).
 */
export function checkWrite(
  directory: string,
  name: string,
  user: { readonly uid: number; readonly gid: number } | null,
  answer: (line: ChildAnswer) => void,
): ChildAnswer {
  let step = 'become_user' as WriteStep;
  const begin = (next: WriteStep): void => {
    step = next;
    answer({ kind: 'doing', step });
  };
  const path = `${directory}/${name}`;
  let file: number | null = null;
  let isMade = false;
  try {
    if (user) becomeUser(user);
    begin('create');
    file = openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, 0o600);
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
    const free = freeBytes(directory);
    if (isMade && step !== 'remove') ignoreFailure(unlinkSync, path);
    return { kind: 'write_error', step, errno, freeBytes: free };
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
