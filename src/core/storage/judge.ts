import { isReadOnly } from './base.ts';
import { describeSlowness, judgeLookup, type Lookup } from './lookup.ts';
import { mismatchReason, type PathEvidence } from './mismatch.ts';
import type { MountIdentity } from './mountinfo.ts';
import type { MountTable } from './mount-table.ts';
import { isNetworkFileSystem } from './network-file-system.ts';
import { isAtOrBelow } from './path-relation.ts';
import {
  describeIdentity,
  identityOf,
  type PathReport,
  type StorageVerdict,
  summariseMountAt,
} from './path-report.ts';

/**
 * The state of a hot path. What is asked first decides:
 *
 * 1. missing: nothing is mounted where a mount is expected. The local directory below it answers every lookup, so
 *    the mount table is asked before the lookup. Only the failure of a network mount *above* the path comes before
 *    this: nothing can be mounted into it.
 * 2. the lookup's own failure: dead, degraded, hung, denied, unknown. It comes before wrong_source, because a bind
 *    that outlived a remounted base has another superblock than the base, and must be repaired as dead.
 * 3. wrong_source: something answers, but it is not what is expected.
 * 4. missing again: what is expected answers, and the directory that a job has archived in is not in it.
 * 5. unwritable: what is expected answers, mounted read-only. (A full file system is seen by its free space,
 *    free-space.ts, and by writing, write-check.ts.)
 * 6. healthy.
 */
export function judgePath(evidence: PathEvidence): PathReport {
  const covering = evidence.table.covering(evidence.path);
  return {
    ...decide(evidence),
    mount: summariseMountAt(evidence.table, evidence.path),
    coveredBy: covering?.mountPoint ?? '/',
    device: covering?.device ?? '',
    identity: identityOf(covering),
  };
}

function decide(evidence: PathEvidence): StorageVerdict {
  const covering = evidence.table.covering(evidence.path);
  const failure = judgeLookup(evidence.lookup, evidence);
  const missing = evidence.isResolved ? missingReason(evidence) : null;
  if (missing !== null && !(failure && covering && isNetworkFileSystem(covering.fstype))) {
    return { state: 'missing', errno: null, reason: `${missing}; ${describeWhatAnswers(evidence.lookup)}` };
  }
  if (failure) return failure;
  const mismatch = mismatchReason(evidence);
  if (mismatch !== null) return { state: 'wrong_source', errno: null, reason: mismatch };
  if (evidence.past === 'archived' && isAbsent(evidence.lookup)) {
    const reason = 'the job has archived there, and the directory is gone; what it lay on answers';
    return { state: 'missing', errno: null, reason };
  }
  if (covering && isReadOnly(covering)) {
    return { state: 'unwritable', errno: 'EROFS', reason: 'mounted read-only' };
  }
  return { state: 'healthy', errno: null, reason: healthyReason(evidence) };
}

function missingReason({ expectation, table, path, base }: PathEvidence): string | null {
  switch (expectation.kind) {
    case 'bind':
      if (table.topmostAt(expectation.mountPoint)) return null;
      return `the bind mount of ${expectation.coldPath} is not there`;
    case 'unplaceable':
      if (table.topmostAt(path)) return null;
      return 'a bind mount is expected, but the path lies outside the jobs root';
    case 'mount':
      if (table.topmostAt(expectation.mountPoint)) return null;
      return `the mount of ${expectation.unit} is not there`;
    case 'identity':
      if (expectation.identity.kind === 'local') return missingDisk(path, expectation.identity, table);
      if (identityOf(table.covering(path)).kind === 'mount') return null;
      return `the job first ran on ${describeIdentity(expectation.identity)}, which is not mounted here`;
    case 'nothing':
      if (!base || base.mount || !isAtOrBelow(path, base.path)) return null;
      return 'it lies on the storage box, which is not mounted';
  }
}

/** Any local disk will do, but where one was mounted, what lies under it now will not. */
function missingDisk(
  path: string,
  { mountPoint }: Extract<MountIdentity, { kind: 'local' }>,
  table: MountTable,
): string | null {
  if (mountPoint === undefined || !isAtOrBelow(path, mountPoint) || table.topmostAt(mountPoint)) return null;
  return `the job first ran on the disk at ${mountPoint}, which is not mounted`;
}

function isAbsent(lookup: Lookup): boolean {
  return lookup.kind === 'answered' && lookup.path === 'absent';
}

function describeWhatAnswers(lookup: Lookup): string {
  if (lookup.kind !== 'answered') return 'what is there now does not answer either';
  return lookup.path === 'absent' ? 'the directory is absent' : 'what answers is the directory below it';
}

/** The reason of every healthy path begins with it, unless it is not made yet. */
export const lookedUpInTime = 'a random name was looked up in time';

function healthyReason({ lookup, path, table, base, expectation, past = 'none' }: PathEvidence): string {
  if (isAbsent(lookup)) {
    const what = past === 'none' ? 'not made yet' : 'not there, and nothing was archived in it so far';
    return `${what}; what it will lie on answers`;
  }
  const layers = table.stackAt(path).length;
  const stacked = layers > 1 ? `; ${layers} mounts are stacked here` : '';
  const orphaned = expectation.kind === 'bind' && base?.mount === null;
  return `${lookedUpInTime}${describeSlowness(lookup)}${orphaned ? '; it outlived the base, which is not mounted' : ''}${stacked}`;
}
