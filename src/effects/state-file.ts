/** A small JSON document on local disk that a program keeps from run to run: durable, never half written, never followed as a link. */
import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { writeFileAtomically } from './atomic-file.ts';
import { readPlainFile } from './plain-file.ts';
import { makeStateFolder } from './state-folder.ts';

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
