import type { MountIdentity } from '../storage/mount-identity.ts';

/** One run of a crawler program. An attempt is a list of them, run one after another. */
export interface CrawlerPass {
  /** Program (found on PATH) and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** The pass is left out when this URL was archived by an earlier pass of the same attempt; null: always run it. */
  readonly skipIfArchived: string | null;
}

/**
 * Everything the launcher must know to run one attempt. It is written to the attempt's folder on local disk, so that
 * it is also evidence. All paths are absolute.
 */
export interface LaunchSpec {
  /** `JOB-NNN`: job id and attempt number with at least three digits. It prefixes every file of the attempt. */
  readonly attempt: string;
  /** The job's output directory, canonical. The launcher makes it if it is absent, and works inside it. */
  readonly outputDir: string;
  /** What the output directory must lie on; anything else ends the attempt before the crawler starts. */
  readonly expectedMount: MountIdentity;
  readonly passes: readonly CrawlerPass[];
  /** Where the launcher puts the trusted CDX lines of earlier attempts for deduplication; null: none wanted. */
  readonly dedupCdxFile: string | null;
  /** The crawler's temporary files: a folder on local disk, removed afterwards. */
  readonly scratchDir: string;
  readonly exitRecordFile: string;
  /** The container to end with the attempt, if the crawler runs in one. */
  readonly container: { readonly engine: string; readonly name: string } | null;
  /** Time from TERM to KILL when the launcher itself ends the crawler because its worker is gone. */
  readonly stopGraceMs: number;
}
