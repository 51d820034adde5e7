/** A small JSON document on local disk that a program keeps from run to run: durable, never half written, never followed as a link. */
import { randomUUID } from 'node:crypto';
import { lchownSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type * as z from 'zod';
import { readPlainFile, writeFileAtomically } from './small-file.ts';
import { OperatorError } from '../core/errors.ts';

export type StateRead<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'absent' }
  /** A sentence for people, without full stop. */
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Nothing is thrown. */
export function readStateFile<T>(file: string, schema: z.ZodType<T>): StateRead<T> {
  let text: string;
  try {
    text = readPlainFile(file, { followLinks: false });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? { kind: 'absent' }
      : { kind: 'unreadable', problem: `${file} can’t be read (${code})` };
  }
  try {
    return { kind: 'read', value: schema.parse(JSON.parse(text)) };
  } catch {
    return { kind: 'unreadable', problem: `${file} is not what was written there` };
  }
}

/** Keeps a file that could not be understood, under a name of its own, so that it is never overwritten. */
export function setAside(file: string): string {
  const aside = `${file}.unreadable-${randomUUID().slice(0, 8)}`;
  renameSync(file, aside);
  return aside;
}

/** Durably: it has reached the disk when this returns. Throws Node's system errors. */
export function writeStateFile(file: string, value: unknown): void {
  makeStateFolder(dirname(file));
  writeFileAtomically(file, `${JSON.stringify(value, null, 1)}\n`);
}

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
