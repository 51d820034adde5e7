import { closeSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { type Mount, parseMountinfo } from '../../core/storage/mountinfo.ts';
import { mountIdOf, openBelow, openDirectory, viaDescriptor } from './pin.ts';
import type { ChildAnswer, CountRequest } from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';
import { runMountProgram } from '../../effects/storage/mount-program.ts';

/** How often the clock is looked at. */
const entriesPerLook = 64;

type Answer = (line: ChildAnswer) => void;
type Group = CountRequest['groups'][number];

/**
 * Counts what is no directory. To look under mounts, the mount that their directories lie in is bound, without the mounts in it,
 * over the jobs root, once for all of them; that is why it must be done in a mount namespace that ends with this process.
 * What there is no time for is not answered.
 * @param answerAtOnce for what is found, which must not be lost should the next directory hang
 */
export function countFiles(
  { jobsRoot, groups, isUnder, timeLimitMs }: CountRequest,
  answerAtOnce: Answer,
  answer: Answer,
): void {
  const deadline = performance.now() + timeLimitMs;
  const root = openDirectory(jobsRoot);
  // Before anything is bound over it.
  const entries = groups.map((group) => openEntry(root, group));
  for (const [index, { paths }] of groups.entries()) {
    const entry = entries[index] ?? 'ENOENT';
    const folder = typeof entry === 'number' && isUnder ? openUnder(entry, jobsRoot) : entry;
    for (const { id, names } of paths) {
      if (performance.now() > deadline) return;
      const found =
        typeof folder === 'number' ? countBelow(folder, names, id, deadline) : notCounted(folder, id);
      if (found.kind === 'counted' && found.files === 0) answer(found);
      else answerAtOnce(found);
    }
  }
}

function mountOf(fd: number): Mount | undefined {
  const id = mountIdOf(fd);
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).find((mount) => mount.id === id);
}

/** Why it could not be opened: an errno's name, or a sentence. */
function openEntry(root: number, { entry, device, root: mountRoot }: Group): number | string {
  try {
    const fd = openBelow(root, entry, false);
    const mount = mountOf(fd);
    const isSame = mount?.device === device && mount.root === mountRoot;
    return isSame ? fd : 'the mounts changed while it was looked at';
  } catch (error) {
    return errnoName(error);
  }
}

function openUnder(entry: number, jobsRoot: string): number | string {
  const problem = runMountProgram('mount', ['-c', '--bind', viaDescriptor(3), jobsRoot], [entry]);
  return problem ?? openDirectory(jobsRoot);
}

function notCounted(problem: string, id: number): ChildAnswer {
  return /^E[A-Z0-9]+$/.test(problem)
    ? { kind: 'error', id, errno: problem }
    : { kind: 'not_counted', id, detail: problem };
}

function countBelow(folder: number, names: readonly string[], id: number, deadline: number): ChildAnswer {
  let parent: number | null = null;
  let fd: number | null = null;
  try {
    parent = openBelow(folder, names.slice(0, -1), false);
    fd = tryOpen(parent, names.slice(-1));
    if (fd === null) return nothing(id);
    return { kind: 'counted', id, ...count(Buffer.from(viaDescriptor(fd)), deadline) };
  } catch (error) {
    const errno = errnoName(error);
    // A directory above it that is not there holds no files; whatever else it is, nobody has looked.
    if (errno === 'ENOENT') return nothing(id);
    return { kind: 'error', id, errno };
  } finally {
    for (const open of [parent, fd]) if (open !== null) closeSync(open);
  }
}

/** Null for what is no directory, and so no mount point; a link leads elsewhere, and is not followed. */
function tryOpen(parent: number, names: readonly string[]): number | null {
  try {
    return openBelow(parent, names, false);
  } catch (error) {
    const errno = errnoName(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
    throw error;
  }
}

function nothing(id: number): ChildAnswer {
  return { kind: 'counted', id, files: 0, bytes: 0, isAtLeast: false };
}

const separator = Buffer.from('/');

/** Names are bytes: not all that lie on a disk are UTF-8. What vanishes or can't be read meanwhile makes it a minimum. */
function count(top: Buffer, deadline: number) {
  let files = 0;
  let bytes = 0;
  let isAtLeast = false;
  let entries = 0;
  const waiting = [top];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    try {
      for (const entry of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
        entries += 1;
        if (entries % entriesPerLook === 0 && performance.now() > deadline) {
          return { files, bytes, isAtLeast: true };
        }
        const below = Buffer.concat([path, separator, entry.name]);
        if (entry.isDirectory()) {
          waiting.push(below);
          continue;
        }
        files += 1;
        bytes += lstatSync(below, { throwIfNoEntry: false })?.size ?? 0;
      }
    } catch (error) {
      if (path === top) throw error;
      isAtLeast = true;
    }
  }
  return { files, bytes, isAtLeast };
}
