import { dirname } from 'node:path';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import type { ShadowedData } from '../core/storage/shadowed-data.ts';
import { readMountTable } from './mount-table.ts';
import type { AccessOptions } from './storage-access.ts';
import { askChild, startTheClock, type StartedThrough } from './storage/ask-child.ts';

/** A part of the timeout: what was counted until then must still be told. */
const countingShare = 0.7;
const ownNamespace: StartedThrough = ['unshare', '--mount', '--propagation', 'private', '--'];

/**
 * What lies in the local directories of hot paths (canonical): under the mount there, or, where it is missing, in plain
 * sight. Only root can look under a mount; for others, and for paths inside network storage, nothing is known. Paths
 * without files are left out.
 */
export async function findShadowedData(
  hotPaths: readonly string[],
  options: AccessOptions,
): Promise<ReadonlyMap<string, ShadowedData>> {
  const table = readMountTable();
  const isRoot = process.geteuid?.() === 0;
  const asked = hotPaths.filter((path) => {
    const parent = table.covering(dirname(path));
    if (parent === undefined || isNetworkFileSystem(parent.fstype)) return false;
    return isRoot || table.topmostAt(path) === undefined;
  });
  const found = new Map<string, ShadowedData>();
  if (asked.length === 0) return found;
  const { answers } = await askChild(
    {
      operation: 'count_files',
      directories: asked,
      isUnder: isRoot,
      stopAt: table.mounts.map(({ mountPoint }) => mountPoint).filter((path) => path !== '/'),
      timeLimitMs: options.timeoutMs * countingShare,
    },
    {
      ...startTheClock(options.timeoutMs, options.stuckDir),
      mount: null,
      ...(isRoot ? { through: ownNamespace } : {}),
    },
  );
  for (const answer of answers) {
    if (answer.kind !== 'counted' || (answer.files === 0 && !answer.isAtLeast)) continue;
    const { files, bytes, isAtLeast } = answer;
    found.set(asked[answer.id] ?? '', { files, bytes, isAtLeast });
  }
  return found;
}
