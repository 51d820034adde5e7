import type { Mount, MountIdentity } from './mountinfo.ts';
import type { MountTable } from './mount-table.ts';
import { isNetworkFileSystem } from './network-file-system.ts';
import type { StorageState } from './path-state.ts';

export interface StorageVerdict {
  readonly state: StorageState;
  /** Name of the errno that decided, or null. */
  readonly errno: string | null;
  /** One sentence for people, without the path in front and without a full stop. */
  readonly reason: string;
}

/** The topmost mount at exactly one path. */
export interface MountSummary {
  readonly id: number;
  readonly fstype: string;
  readonly source: string;
  readonly root: string;
  readonly device: string;
  /** How many mounts are stacked at the path. */
  readonly layers: number;
}

export interface PathReport extends StorageVerdict {
  /** Null when nothing is mounted at exactly this path. */
  readonly mount: MountSummary | null;
  /** Where the mount begins that answers for the path: the path itself or a directory above it. */
  readonly coveredBy: string;
  /** `major:minor` of the superblock that answers for it; empty if the table lists none. */
  readonly device: string;
  /** What the path lies on now, to be kept with a job that runs on it. */
  readonly identity: MountIdentity;
}

export function summariseMountAt(table: MountTable, path: string): MountSummary | null {
  const stack = table.stackAt(path);
  const top = stack.at(-1);
  if (!top) return null;
  const { id, fstype, source, root, device } = top;
  return { id, fstype, source, root, device, layers: stack.length };
}

/** Every local file system is the same identity: a job moved to another local disk is still where it belongs. */
export function identityOf(mount: Mount | undefined): MountIdentity {
  if (!mount || !isNetworkFileSystem(mount.fstype)) return { kind: 'local' };
  return { kind: 'mount', fstype: mount.fstype, source: mount.source, root: mount.root };
}

export function isSameIdentity(one: MountIdentity, other: MountIdentity): boolean {
  if (one.kind === 'local' || other.kind === 'local') return one.kind === other.kind;
  return one.fstype === other.fstype && one.source === other.source && one.root === other.root;
}

export function describeIdentity(identity: MountIdentity): string {
  if (identity.kind === 'local')
    return identity.mountPoint === undefined ? 'a local directory' : `the disk at ${identity.mountPoint}`;
  return `${identity.fstype} of ${identity.source}, directory ${identity.root}`;
}
