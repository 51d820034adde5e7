import type { Mount, MountIdentity } from './mountinfo.ts';
import { joinBelow, relativeTo, withAncestors } from './path-relation.ts';
import { describeIdentity, identityOf, isSameIdentity } from './path-report.ts';
import { isNetworkFileSystem } from './network-file-system.ts';
import type { Base } from './base.ts';
import type { Expectation, Past } from './expectation.ts';
import type { Lookup, LookupContext } from './lookup.ts';
import type { MountTable } from './mount-table.ts';

/** Why the mount that answers for the path is not the expected one; null when it is. */
export function mismatchReason(evidence: PathEvidence): string | null {
  const { lookup, table, path, expectation } = evidence;
  if (lookup.kind === 'answered' && lookup.path === 'symlink') {
    return 'the path is a symbolic link, so what is written lands elsewhere';
  }
  const covering = table.covering(path);
  if (!covering) return null;
  const isAbsent = lookup.kind === 'answered' && lookup.path === 'absent';
  // A network server's removal of the directory is not marked in the mount table, but then the mount point itself
  // is absent.
  if (covering.deleted || (isAbsent && covering.mountPoint === path)) {
    return `the directory it was mounted from (${covering.root}) has been removed`;
  }
  switch (expectation.kind) {
    case 'nothing':
      return null;
    case 'identity':
      return identityMismatch(covering, expectation.identity);
    case 'bind':
      return (
        notAt(covering, expectation.mountPoint) ?? bindMismatch(covering, evidence, expectation.coldPath)
      );
    case 'unplaceable':
      return 'the path lies outside the jobs root, so nothing can be expected on it';
    case 'mount':
      return notAt(covering, expectation.mountPoint) ?? unitMountMismatch(covering, evidence);
  }
}

function notAt(covering: Mount, mountPoint: string): string | null {
  if (covering.mountPoint === mountPoint) return null;
  return `another mount lies over it at ${covering.mountPoint}`;
}

function identityMismatch(covering: Mount, expected: MountIdentity): string | null {
  const now = identityOf(covering);
  if (isSameIdentity(now, expected)) return null;
  return `the job first ran on ${describeIdentity(expected)}; now it is ${describeIdentity(now)}`;
}

/** The bind must have the type and superblock of the base, and show the cold directory. */
function bindMismatch(covering: Mount, { base }: PathEvidence, coldPath: string): string | null {
  if (!base) return null;
  if (covering.fstype !== base.fstype) {
    return `${base.fstype} is expected, ${covering.fstype} of ${covering.source} is mounted`;
  }
  const below = relativeTo(coldPath, base.path);
  if (below === undefined) return `its cold path ${coldPath} does not lie on the storage box`;
  if (!base.mount) {
    // Without the base its superblock is unknown; what outlived it is right as far as can be seen.
    const isPlausible = covering.root === joinBelow('/', below) || covering.root.endsWith(`/${below}`);
    return isPlausible ? null : `the directory ${covering.root} is mounted instead of ${coldPath}`;
  }
  if (covering.device !== base.mount.device) {
    return `it belongs to another mount of the storage box (${covering.device}) than the present one (${base.mount.device})`;
  }
  const expectedRoot = joinBelow(base.mount.root, below);
  if (covering.root === expectedRoot) return null;
  return `the directory ${covering.root} of the storage box is mounted instead of ${expectedRoot}`;
}

/**
 * A unit's mount may be of any type; it is wrong when it is a bind of the base, or of the disk the mount point lies
 * on.
 */
function unitMountMismatch(covering: Mount, { base, table, expectation }: PathEvidence): string | null {
  if (base?.mount?.device === covering.device) return 'it is a bind mount of the storage box';
  const parent = withAncestors(covering.mountPoint).at(-2);
  const disk = parent === undefined ? undefined : table.covering(parent);
  if (disk?.device === covering.device && !isNetworkFileSystem(covering.fstype)) {
    return 'it is a bind mount of the local disk';
  }
  if (expectation.kind !== 'mount' || expectation.identity?.kind !== 'mount') return null;
  return identityMismatch(covering, expectation.identity);
}

/** All that is known of one path. Every path in it is canonical, that of the expectation too. */
export interface PathEvidence extends LookupContext {
  readonly path: string;
  readonly table: MountTable;
  readonly lookup: Lookup;
  /** False: its links could not be followed, so the mount table says nothing about it. */
  readonly isResolved: boolean;
  readonly expectation: Expectation;
  /** Default `none`. */
  readonly past?: Past;
  /** Null without a storage box. */
  readonly base: Base | null;
}
