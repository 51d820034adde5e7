import { readlinkSync } from 'node:fs';
import type { ChildAnswer } from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';

/** As in path_resolution(7). */
const maxSymlinks = 40;

/** Resolves the symbolic links in the parent of each path; its last name stays, whatever it is. */
export function canonicalise(
  paths: readonly string[],
  stopAt: readonly string[],
  answer: (line: ChildAnswer) => void,
): void {
  const untouchable = new Set(stopAt);
  const links: Links = new Map();
  for (const [id, path] of paths.entries()) {
    try {
      answer({ kind: 'canonical', id, path: canonicalPath(path, untouchable, links) });
    } catch (error) {
      answer({ kind: 'error', id, errno: error === tooManyLinks ? 'ELOOP' : errnoName(error) });
    }
  }
}

const tooManyLinks = new Error('too many symbolic links');

function canonicalPath(path: string, untouchable: ReadonlySet<string>, links: Links): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  const last = names.pop();
  let done: string[] = [];
  let symlinks = 0;
  while (names.length > 0) {
    const name = names.shift() ?? '';
    if (name === '..') {
      done.pop();
      continue;
    }
    if (name === '.' || name === '') continue;
    const here = '/' + [...done, name].join('/');
    const target = untouchable.has(here) ? undefined : linkAt(here, links);
    if (target === undefined) return '/' + withoutDots([...done, name, ...names, last ?? '']).join('/');
    if (target === null) {
      done.push(name);
      continue;
    }
    symlinks += 1;
    if (symlinks > maxSymlinks) throw tooManyLinks;
    names.unshift(...target.split('/'));
    if (target.startsWith('/')) done = [];
  }
  return '/' + withoutDots([...done, last ?? '']).join('/');
}

/** Of each directory the target of a symbolic link; null for what is no link; undefined for what is not there. */
type Links = Map<string, string | null | undefined>;

function linkAt(path: string, links: Links): string | null | undefined {
  if (!links.has(path)) links.set(path, readLink(path));
  return links.get(path);
}

function readLink(path: string): string | null | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    const errno = errnoName(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    if (errno !== 'EINVAL') throw error;
    return null;
  }
}

function withoutDots(names: readonly string[]): string[] {
  const result: string[] = [];
  for (const name of names) {
    if (name === '..') result.pop();
    else if (name !== '' && name !== '.') result.push(name);
  }
  return result;
}
