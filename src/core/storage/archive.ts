import type { Job } from '../jobs/job.ts';
import type { Why } from '../plan.ts';
import type { Lookup, PathKind } from './lookup.ts';
import type { ExpectationRules } from './expectation.ts';
import { PathIndex } from './path-index.ts';
import { isAtOrBelow } from './path-relation.ts';

/** What jobs have archived at a place, or below it: it must not be taken for new when it is not to be found. */
export interface ArchiveRecord {
  /** Those that have had an attempt, in ascending order. */
  readonly jobs: readonly number[];
  /** Those of them whose first storage is on record. */
  readonly recorded: readonly number[];
  /** The source of the mount that one of them ran on first; null where that was no mount, or nobody knows. */
  readonly source: string | null;
}

/** A place whose archive is asked for. */
export interface ArchivePlace {
  /** All its spellings. */
  readonly paths: readonly string[];
  /** Places below it that are mounts of their own: what is in one was never in the directory that belongs on this place. */
  readonly inner: readonly string[];
}

/**
 * With what the rules mount inside each.
 * @param spellings of each place
 */
export function archivePlaces(
  spellings: readonly (readonly string[])[],
  { manifest, hotMounts }: Pick<ExpectationRules, 'manifest' | 'hotMounts'>,
): ArchivePlace[] {
  const own = [...manifest.map(({ hotPath }) => hotPath), ...hotMounts.map(({ path }) => path)];
  const index = new PathIndex(own, (path) => path);
  return spellings.map((paths) => ({ paths, inner: paths.flatMap((path) => index.below(path)) }));
}

/** A job that has had an attempt, of whatever status. */
export type AttemptedJob = Pick<Job, 'id' | 'outputDir' | 'storageIdentity'>;

/** Null when none of the jobs had its attempts there. */
export function archiveAt(
  { paths, inner }: ArchivePlace,
  jobs: readonly AttemptedJob[],
): ArchiveRecord | null {
  const there = jobs
    .filter(
      ({ outputDir }) =>
        paths.some((path) => isAtOrBelow(outputDir, path)) &&
        !inner.some((other) => isAtOrBelow(outputDir, other)),
    )
    .sort((a, b) => a.id - b.id);
  if (there.length === 0) return null;
  const identity = there.find(({ storageIdentity }) => storageIdentity?.kind === 'mount')?.storageIdentity;
  return {
    jobs: there.map(({ id }) => id),
    recorded: there.filter(({ storageIdentity }) => storageIdentity !== null).map(({ id }) => id),
    source: identity?.kind === 'mount' ? identity.source : null,
  };
}

const maxNamed = 5;

/** `job 7`, `jobs 7, 8`; of many the first. */
export function nameJobs(ids: readonly number[]): string {
  const more = ids.length > maxNamed ? ` and ${ids.length - maxNamed} more` : '';
  return `job${ids.length === 1 ? '' : 's'} ${ids.slice(0, maxNamed).join(', ')}${more}`;
}

/** What a lookup says of a path itself; null where it says nothing. A file has no names below it that could be looked up. */
export function kindSeen(lookup: Lookup | undefined): PathKind | null {
  if (lookup?.kind === 'answered') return lookup.path;
  return lookup?.kind === 'error' && lookup.errno === 'ENOTDIR' ? 'other' : null;
}

export interface ColdDirectory {
  readonly path: string;
  /** What is there on the storage box; null: nobody has seen it. */
  readonly kind: PathKind | null;
  /** Null: nothing was archived there; `unknown`: the jobs are not known. */
  readonly archive: ArchiveRecord | 'unknown' | null;
}

/**
 * Why a directory of the storage box is not what belongs on its hot path, although that is mounted as it should be: an archive that
 * is gone, or another one, must not be replaced by an empty directory without a word. Null: it may be bound, and made if it is absent.
 */
export function whyNotThatArchive({ path, kind, archive }: ColdDirectory, baseSource: string): Why | null {
  if (kind === 'symlink' || kind === 'other') {
    const what = kind === 'symlink' ? 'a symbolic link' : 'no directory';
    return { code: 'cold_not_directory', because: `${path} on the storage box is ${what}` };
  }
  if (archive === 'unknown') {
    if (kind !== 'absent') return null;
    const because = `${path} is not on the storage box, and nobody knows whether something was archived in it`;
    return { code: 'archive_unknown', because };
  }
  if (archive === null) return null;
  const jobs = nameJobs(archive.jobs);
  const accept = 'storage tier --apply --accept-new-archive takes what is there now';
  if (archive.source !== null && archive.source !== baseSource) {
    const because = `${jobs} archived on ${archive.source}, and the storage box is ${baseSource} now; ${accept}`;
    return { code: 'other_archive', because };
  }
  if (kind !== 'absent') return null;
  const because = `${jobs} archived in ${path}, which is gone from the storage box: look for it there; ${accept}`;
  return { code: 'archive_gone', because };
}
