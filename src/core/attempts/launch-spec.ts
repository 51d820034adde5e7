import type { CrawlSpec } from '../crawler/crawl-spec.ts';
import type { MountIdentity } from '../storage/mountinfo.ts';

/** The container that an attempt's crawler runs in. */
export interface AttemptContainer {
  /** `podman` or `docker`, found on PATH. */
  readonly engine: string;
  /** Unique per attempt: it is removed by name when the attempt is stopped. */
  readonly name: string;
  /**
   * Where the container writes, relative to the output directory. Whatever `*.warc.gz` it leaves there is afterwards
   * moved to the names of the contract, `warcs/JOB-NNN-*.warc.gz`, without overwriting.
   */
  readonly workDir: string;
}

/**
 * Everything the launcher must know to run one attempt. It is written to the attempt's folder on local disk, so that
 * it is also evidence. All paths are absolute unless said otherwise.
 */
export interface LaunchSpec {
  /** `JOB-NNN`: job id and attempt number with at least three digits. It prefixes every file of the attempt. */
  readonly attempt: string;
  /** The lease's fencing token, for the exit record. */
  readonly token: string;
  /** The job's output directory, canonical. The launcher makes it if it is absent, and works inside it. */
  readonly outputDir: string;
  /** What the output directory must lie on; anything else ends the attempt before the crawler starts. */
  readonly expectedMount: MountIdentity;
  /**
   * `major:minor` of the superblock on which it was admitted. While the attempt lives it keeps that superblock, whatever lies
   * at the path by then; so this says whether a dead or restarted mount is the attempt's.
   */
  readonly expectedDevice: string;
  /** The crawler: program (an absolute path, or found on PATH) and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Our own crawler: what the launcher writes to the file that `argv` names. Null: another crawler. */
  readonly crawl: { readonly spec: CrawlSpec; readonly file: string } | null;
  /** Whether it comes forward: a LifeReport, of our own crawler a CrawlReport. */
  readonly reportFile: string;
  /** The crawler's temporary files: a folder on local disk, removed afterwards. */
  readonly scratchDir: string;
  readonly exitRecordFile: string;
  /** The attempt's log on local disk, copied to `attempts/NNN/` in the output directory afterwards. */
  readonly logFile: string;
  /** The container to end with the attempt, if the crawler runs in one. */
  readonly container: AttemptContainer | null;
  /** Time from TERM to KILL when the launcher itself ends the crawler since its worker is gone. */
  readonly stopGraceMs: number;
}

/**
 * Beside the spec: which process runs the attempt, as the launcher itself writes it. It leads the process group that its crawler
 * is in, so that who finds no worker can end both.
 */
export interface LauncherProcess {
  readonly bootId: string;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: with boot id and pid it names one process for ever. */
  readonly startTicks: number;
}

export const launcherProcessFile = 'process.json';

/** `JOB-NNN` of a job's attempt. */
export function attemptName(jobId: number, attemptNumber: number): string {
  return `${jobId}-${attemptFolder(attemptNumber)}`;
}

/** `NNN`: the attempt's folder name under `attempts/` in the output directory. */
export function attemptFolder(attemptNumber: number): string {
  return String(attemptNumber).padStart(3, '0');
}
