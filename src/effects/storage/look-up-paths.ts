import type { FailedLookup, Lookup } from '../../core/storage/lookup.ts';
import type { Mount } from '../../core/storage/mountinfo.ts';
import type { MountTable } from '../../core/storage/mount-table.ts';
import { isNetworkFileSystem } from '../../core/storage/network-file-system.ts';
import type { AskOptions } from './ask-child.ts';
import { probeSuperblock } from './probe-superblock.ts';

interface Walk {
  readonly path: string;
  /**
   * The mounts that can block on the way, from the root, one per superblock; last the one that answers for the
   * path.
   */
  readonly mounts: readonly Mount[];
}

interface Failure {
  readonly mountPoint: string;
  readonly lookup: FailedLookup;
}

/**
 * Looks up a random name below every path: all superblocks at the same time, and a superblock mounted inside
 * another network mount after that one has answered, since the walk to it goes through both.
 */
export async function lookUpPaths(
  paths: readonly string[],
  table: MountTable,
  staleErrnos: readonly string[],
  options: Omit<AskOptions, 'mount'>,
): Promise<Map<string, Lookup>> {
  const lookups = new Map<string, Lookup>();
  const failures = new Map<string, Failure>();
  const walks = [...new Set(paths)].map((path) => ({ path, mounts: blockingMounts(table.chain(path)) }));
  const rounds = Math.max(0, ...walks.map((walk) => walk.mounts.length));
  for (let round = 0; round < rounds; round += 1) {
    const groups = groupBySuperblock(walks, round, failures);
    const probes = [...groups.values()].map(async ({ mount, paths: asked }) => {
      const probe = await probeSuperblock(mount, asked, staleErrnos, options);
      if (probe.failure) failures.set(mount.device, { mountPoint: mount.mountPoint, lookup: probe.failure });
      for (const path of asked) lookups.set(path, probe.lookups.get(path) ?? unasked);
    });
    await Promise.all(probes);
  }
  for (const { path, mounts } of walks) {
    const failure = failureOnTheWay(mounts, failures);
    if (failure && failure.mountPoint !== path) lookups.set(path, { kind: 'failed_at', ...failure });
    else if (failure) lookups.set(path, failure.lookup);
    else if (mounts.length === 0)
      lookups.set(path, { kind: 'not_asked', detail: 'no mount covers the path' });
  }
  return lookups;
}

const unasked: Lookup = { kind: 'not_asked', detail: 'the probe program left it out' };

function blockingMounts(chain: readonly Mount[]): Mount[] {
  const mounts: Mount[] = [];
  for (const [index, mount] of chain.entries()) {
    const isLast = index === chain.length - 1;
    if (!isLast && !isNetworkFileSystem(mount.fstype)) continue;
    // A layer that another one at the same place lies over is never walked through.
    if (!isLast && chain[index + 1]?.mountPoint === mount.mountPoint) continue;
    if (mounts.at(-1)?.device === mount.device) mounts.pop();
    mounts.push(mount);
  }
  return mounts;
}

function groupBySuperblock(walks: readonly Walk[], round: number, failures: ReadonlyMap<string, Failure>) {
  const groups = new Map<string, { mount: Mount; paths: string[] }>();
  for (const { path, mounts } of walks) {
    const mount = mounts[round];
    if (!mount || failureOnTheWay(mounts, failures)) continue;
    const group = groups.get(mount.device) ?? { mount, paths: [] };
    groups.set(mount.device, group);
    // The whole file system speaks for more than one directory of it.
    if (group.mount.root !== '/' && mount.root === '/') group.mount = mount;
    if (round === mounts.length - 1) group.paths.push(path);
  }
  return groups;
}

function failureOnTheWay(
  mounts: readonly Mount[],
  failures: ReadonlyMap<string, Failure>,
): Failure | undefined {
  for (const mount of mounts) {
    const failure = failures.get(mount.device);
    if (failure) return failure;
  }
  return undefined;
}
