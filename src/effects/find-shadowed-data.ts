import { dirname } from 'node:path';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import { isBelow } from '../core/storage/path-relation.ts';
import type { Shadowed } from '../core/storage/shadowed-data.ts';
import { namesBelow } from './hot-mounts.ts';
import { readMountTable } from './read-mounts.ts';
import type { AccessOptions } from './storage-access.ts';
import { askChild, startTheClock, type ChildRun } from './storage/ask-child.ts';
import type { StartedThrough } from './storage/storage-child.ts';

/** A part of the timeout: what was counted until then must still be told. */
const countingShare = 0.7;
const ownNamespace: StartedThrough = ['unshare', '--mount', '--propagation', 'private', '--'];

/**
 * What lies in the local directories of hot paths (canonical): under the mount there, or, where it is missing, in plain
 * sight. Only root can look under a mount: others learn nothing of those paths, nor does anybody of paths inside network
 * storage. Paths without files are left out.
 */
export async function findShadowedData(
  jobsRoot: string,
  hotPaths: readonly string[],
  options: AccessOptions,
): Promise<ReadonlyMap<string, Shadowed>> {
  const table = readMountTable();
  const isRoot = process.geteuid?.() === 0;
  const asked = hotPaths.filter((path) => {
    const parent = table.covering(dirname(path));
    if (!isBelow(path, jobsRoot) || parent === undefined || isNetworkFileSystem(parent.fstype)) return false;
    return isRoot || (table.topmostAt(path) === undefined && table.below(path).length === 0);
  });
  if (asked.length === 0) return new Map();
  const run = await askChild(
    {
      operation: 'count_files',
      jobsRoot,
      paths: asked.map((path) => namesBelow(path, jobsRoot)),
      isUnder: isRoot,
      timeLimitMs: options.timeoutMs * countingShare,
    },
    {
      ...startTheClock(options.timeoutMs, options.stuckDir),
      mount: null,
      ...(isRoot ? { through: ownNamespace } : {}),
    },
  );
  return readCounts(asked, run);
}

/** What was not counted is not nothing: it is said to be unknown, and why. */
function readCounts(asked: readonly string[], { answers, ended }: ChildRun): Map<string, Shadowed> {
  const because = ended.kind === 'not_asked' ? ended.detail : 'it could not be counted in time';
  const found = new Map<string, Shadowed>(asked.map((path) => [path, { kind: 'unknown', because }]));
  for (const answer of answers) {
    if (answer.kind === 'not_counted') {
      found.set(asked[answer.id] ?? '', { kind: 'unknown', because: answer.detail });
    } else if (answer.kind === 'error') {
      found.set(asked[answer.id] ?? '', {
        kind: 'unknown',
        because: `it could not be read (${answer.errno})`,
      });
    } else if (answer.kind === 'counted') {
      const { files, bytes, isAtLeast } = answer;
      if (files === 0 && !isAtLeast) found.delete(asked[answer.id] ?? '');
      else found.set(asked[answer.id] ?? '', { kind: 'files', files, bytes, isAtLeast });
    }
  }
  return found;
}
