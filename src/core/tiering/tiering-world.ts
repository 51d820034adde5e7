import type { ArchiveRecord } from '../storage/archive.ts';
import type { PathKind } from '../storage/lookup.ts';
import type { BaseReport } from '../storage/base.ts';
import type { ManifestProblem } from '../storage/manifest.ts';
import type { Shadowed } from '../storage/shadowed-data.ts';
import type { MountSummary, StorageVerdict } from '../storage/path-report.ts';

/** All that tiering decides by, read once. Paths are canonical. */
export interface TieringWorld {
  readonly jobsRoot: string;
  readonly base: BaseReport;
  /** Where the base really is: `base.path` as the mount table has it. */
  readonly basePath: string;
  readonly paths: readonly TieringPath[];
  readonly manifestProblems: readonly ManifestProblem[];
  /** Null when the database answered; else why not. Annual jobs and their crawls are not known then. */
  readonly jobsUnknownBecause: string | null;
  /** Null when everything that holds a crawl's lock on this host was seen; else why not. */
  readonly crawlsUnseenBecause: string | null;
}

/** One place where a bind of the box belongs, or seems to. */
export interface TieringPath extends StorageVerdict {
  readonly path: string;
  /** As jobs and manifest have it. */
  readonly configuredPath: string;
  /** Null where no directory of the box can belong to it. */
  readonly coldPath: string | null;
  /** What is at the cold path, of a path that is to be mounted; null: nobody has seen it. */
  readonly coldKind: PathKind | null;
  /** What was archived at the path; `unknown` without the database. */
  readonly archive: ArchiveRecord | 'unknown' | null;
  /** The topmost mount at exactly the path. */
  readonly mount: MountSummary | null;
  /** Superblocks of what is stacked at exactly the path, the topmost last. */
  readonly layers: readonly string[];
  /** nosuid, nodev and private, as far as something is mounted there. */
  readonly isSecured: boolean;
  /** Where the mount begins that answers for it. */
  readonly coveredBy: string;
  /** Crawls that write to it, or above or below it: `JOB-NNN`, or `job N`. */
  readonly crawls: readonly string[];
  /** Reachable mounts below it. */
  readonly inner: readonly string[];
  /** Null: nothing, or nobody can see. */
  readonly shadowed: Shadowed | null;
}
