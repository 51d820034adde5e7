import { dirname } from 'node:path';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import { isBelow } from '../core/storage/path-relation.ts';
import type { Shadowed } from '../core/storage/shadowed-data.ts';
import { namesBelow } from './hot-mounts.ts';
import { readMountTable } from './read-mounts.ts';
import type { AccessOptions } from './storage-access.ts';
import { askChild, startTheClock, type ChildRun } from './storage/ask-child.ts';
import type { CountRequest } from './storage/child-protocol.ts';
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
  const asked: string[] = [];
  const groups = new Map<number, Group & { readonly paths: Place[] }>();
  for (const path of hotPaths) {
    const parent = table.covering(dirname(path));
    if (!isBelow(path, jobsRoot) || parent === undefined || isNetworkFileSystem(parent.fstype)) continue;
    if (!isRoot && (table.topmostAt(path) !== undefined || table.below(path).length > 0)) continue;
    const entry = isBelow(parent.mountPoint, jobsRoot) ? parent.mountPoint : jobsRoot;
    const group = groups.get(parent.id) ?? {
      entry: namesBelow(entry, jobsRoot),
      device: parent.device,
      root: parent.root,
      paths: [],
    };
    groups.set(parent.id, group);
    group.paths.push({ id: asked.length, names: namesBelow(path, entry) });
    asked.push(path);
  }
  if (asked.length === 0) return new Map();
  const run = await askChild(
    {
      operation: 'count_files',
      jobsRoot,
      groups: [...groups.values()],
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

type Group = CountRequest['groups'][number];
type Place = Group['paths'][number];

/** What was not counted is not nothing: it is said to be unknown, and why. */
function readCounts(asked: readonly string[], { answers, ended }: ChildRun): Map<string, Shadowed> {
  const unasked: Shadowed =
    ended.kind === 'not_asked' ? { kind: 'uncounted', because: ended.detail } : outOfTime;
  const found = new Map<string, Shadowed>(asked.map((path) => [path, unasked]));
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
      if (files > 0) found.set(asked[answer.id] ?? '', { kind: 'files', files, bytes, isAtLeast });
      else if (isAtLeast) found.set(asked[answer.id] ?? '', outOfTime);
      else found.delete(asked[answer.id] ?? '');
    }
  }
  return found;
}

const outOfTime = { kind: 'uncounted', because: 'it could not be counted in time' } as const;
