import { setTimeout as pause } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import { inLanes } from '../core/in-lanes.ts';
import type { BaseReport } from '../core/storage/base.ts';
import { type FreeSpace, judgeWithSpace } from '../core/storage/free-space.ts';
import type { ManifestEntry, ManifestProblem } from '../core/storage/manifest.ts';
import type { MountTable } from '../core/storage/mount-table.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import { PathIndex } from '../core/storage/path-index.ts';
import { type WantedPath, wantedPaths } from '../core/storage/wanted-paths.ts';
import type { Shadowed } from '../core/storage/shadowed-data.ts';
import { type MountRefusal, whyRefused } from '../core/units/mount-log.ts';
import { findShadowedData } from '../effects/find-shadowed-data.ts';
import { type AccessOptions, freeSpace } from '../effects/storage-access.ts';
import { unitLog } from '../effects/systemd.ts';
import type { ObservedPath } from '../effects/storage-probe.ts';
import { jobsIfKnown, type JobsIfKnown } from './jobs-if-known.ts';
import { observeConfigured, readManifestIfReadable, stuckProbesFolder } from './observe-configured.ts';
import type { SeenJobs } from '../core/autostart/auto-start-world.ts';
import type { Job } from '../core/jobs/job.ts';
import { isOnThisHost } from '../core/jobs/lease.ts';
import type { HostIdentity } from '../effects/host.ts';

export interface SurveyedPath extends LookedAt {
  /** Those that want it, as far as the jobs are known. */
  readonly jobs: readonly Job[];
}

interface LookedAt {
  readonly want: WantedPath;
  readonly seen: ObservedPath;
}

/** The storage box and every hot path that somebody needs, as they are now. */
export interface Survey {
  /** Canonical. */
  readonly jobsRoot: string;
  readonly base: BaseReport | null;
  /** Of the storage box; null where it is not known. */
  readonly baseSpace: FreeSpace | null;
  readonly paths: readonly SurveyedPath[];
  readonly manifestProblems: readonly ManifestProblem[];
  readonly jobs: JobsIfKnown;
  /** By canonical path: files in the local directory where a mount is, or should be. Only root can look under a mount. */
  readonly shadowed: ReadonlyMap<string, Shadowed>;
  /** By unit: why a mount is not made, as far as the journal tells and can be read. */
  readonly refused: ReadonlyMap<string, MountRefusal>;
  /** By canonical path: mount points inside it that nobody has asked for; what is written there ends up elsewhere. */
  readonly foreign: ReadonlyMap<string, readonly string[]>;
}

/** A database that works answers sooner, even on a busy machine. */
const promptAnswerMs = 600;
/** With less time left, nothing more is looked at. */
const leastLookMs = 500;
const lanes = 8;
/** What a mount that is refused by its server, or can't be made, is seen as. */
const unmountedStates: readonly StorageState[] = ['missing', 'dead', 'degraded'];

/**
 * Looks at everything that jobs, manifest and configuration want. A database that takes its time holds nothing up: what is
 * known without it is looked at meanwhile, and the jobs' own paths only if it answers after all. Brief: without what lies under
 * mounts, and without the journal, for those who look often.
 * @param options.withFigures with how many jobs there are
 */
export async function surveyHotPaths(
  configuration: Configuration,
  nowMs: number,
  {
    isBrief = false,
    withFigures = false,
  }: { readonly isBrief?: boolean; readonly withFigures?: boolean } = {},
): Promise<Survey> {
  const beginMs = performance.now();
  const { table, paths, ...survey } = await lookAtEverything(configuration, nowMs, withFigures);
  const leftMs = configuration.recovery.probe_timeout_seconds * 1000 - (performance.now() - beginMs);
  const options = { timeoutMs: leftMs, stuckDir: stuckProbesFolder(configuration) };
  const [shadowed, space, refused] = await Promise.all([
    isBrief ? new Map<string, Shadowed>() : shadowedIn(survey.jobsRoot, paths, options),
    spaceOf(survey.base, paths, options),
    isBrief
      ? new Map<string, MountRefusal>()
      : refusedUnits(survey.base, paths, configuration.storagebox.unit),
  ]);
  const { base, jobs } = survey;
  const jobOf = new Map(jobs.isKnown ? jobs.jobs.map((job) => [job.id, job] as const) : []);
  const baseSpace = space.get(base?.mount?.device ?? '') ?? null;
  return {
    ...survey,
    base: base && judgeWithSpace(base, baseSpace),
    baseSpace,
    paths: paths.map(({ want, seen }) => ({
      want,
      seen: judgeWithSpace(seen, space.get(seen.device)),
      jobs: want.jobs.flatMap((id) => jobOf.get(id) ?? []),
    })),
    shadowed,
    refused,
    foreign: foreignMounts(paths, table),
  };
}

/** By unit, of those that do not get their file system, what its log says of it. */
async function refusedUnits(
  base: BaseReport | null,
  paths: readonly LookedAt[],
  baseUnit: string,
): Promise<Survey['refused']> {
  const units = new Set<string>();
  if (base !== null && unmountedStates.includes(base.state)) units.add(baseUnit);
  for (const { seen } of paths)
    if (seen.expectation.kind === 'mount' && unmountedStates.includes(seen.state))
      units.add(seen.expectation.unit);
  const found = await inLanes(
    [...units],
    lanes,
    async (unit) => [unit, whyRefused(await unitLog(unit))] as const,
  );
  return new Map(found.flatMap(([unit, refusal]) => (refusal === null ? [] : [[unit, refusal] as const])));
}

/** By superblock, of what answers; nothing where there is no time left. */
async function spaceOf(
  base: BaseReport | null,
  paths: readonly LookedAt[],
  options: AccessOptions,
): Promise<ReadonlyMap<string, FreeSpace | null>> {
  const folders = new Map(
    paths.filter(({ seen }) => seen.state === 'healthy').map(({ seen }) => [seen.device, seen.coveredBy]),
  );
  if (base?.state === 'healthy' && base.mount !== null) folders.set(base.mount.device, base.path);
  if (options.timeoutMs < leastLookMs) return new Map();
  const answers = await inLanes([...folders], lanes, async ([device, folder]) => {
    const answer = await freeSpace(folder, options);
    return [device, answer.kind === 'free' ? answer.space : null] as const;
  });
  return new Map(answers);
}

function foreignMounts(paths: readonly LookedAt[], table: MountTable): Survey['foreign'] {
  const wanted = new Set(paths.map(({ seen }) => seen.canonicalPath));
  const index = new PathIndex([...wanted], (path) => path);
  const foreign = new Map<string, readonly string[]>();
  for (const path of wanted) {
    const inner = table.below(path).map(({ mountPoint }) => mountPoint);
    // Inside another path that somebody wants, it is that one's.
    const own = inner.filter((at) => index.nearest(at) === path);
    if (own.length > 0) foreign.set(path, [...new Set(own)]);
  }
  return foreign;
}

/** With storage that hangs there is no time for it, and something worse to look at. */
async function shadowedIn(
  jobsRoot: string,
  paths: readonly LookedAt[],
  options: AccessOptions,
): Promise<Survey['shadowed']> {
  if (options.timeoutMs < leastLookMs) return new Map();
  const mountPoints = paths.flatMap(({ seen: { expectation, canonicalPath } }) =>
    (expectation.kind === 'bind' || expectation.kind === 'mount') && expectation.mountPoint === canonicalPath
      ? [canonicalPath]
      : [],
  );
  return await findShadowedData(jobsRoot, mountPoints, options);
}

interface Look extends Pick<Survey, 'jobsRoot' | 'base'> {
  readonly paths: readonly LookedAt[];
  readonly table: MountTable;
}

async function lookAtEverything(
  configuration: Configuration,
  nowMs: number,
  withFigures: boolean,
): Promise<Pick<Survey, 'manifestProblems' | 'jobs'> & Look> {
  const { entries, problems: manifestProblems } = readManifestIfReadable(configuration);
  const year = new Date(nowMs).getUTCFullYear();
  const wantedBy = (jobs: JobsIfKnown): WantedPath[] =>
    wantedPaths(jobs.isKnown ? jobs.jobs : [], entries, configuration.hot_mounts, year);
  const question = jobsIfKnown(configuration, { year, withFigures });
  const prompt = await Promise.race([question, pause(promptAnswerMs, null)]);
  if (prompt !== null)
    return { ...(await lookAt(configuration, entries, wantedBy(prompt))), manifestProblems, jobs: prompt };

  const withoutJobs = wantedBy({ isKnown: false, because: 'not yet', fix: null });
  const [early, jobs] = await Promise.all([lookAt(configuration, entries, withoutJobs), question]);
  if (!jobs.isKnown) return { ...early, manifestProblems, jobs };
  const seenEarly = new Map(early.paths.map((path) => [path.want.path, path]));
  const wanted = wantedBy(jobs);
  const rest = wanted.filter((want) => !isSettled(want, seenEarly.get(want.path)));
  const late = rest.length === 0 ? early : await lookAt(configuration, entries, rest);
  const seenLate = new Map(late.paths.map((path) => [path.want.path, path]));
  return {
    table: late.table,
    jobsRoot: late.jobsRoot,
    base: late.base,
    paths: wanted.flatMap((want) => {
      const found = seenLate.get(want.path) ?? seenEarly.get(want.path);
      return found === undefined ? [] : [{ want, seen: found.seen }];
    }),
    manifestProblems,
    jobs,
  };
}

/** Whether the early look held the path against what the jobs expect there too. */
function isSettled(want: WantedPath, early: LookedAt | undefined): boolean {
  if (early === undefined) return false;
  // A manifest line outweighs what a job expects; a unit's mount is held against what the job first ran on.
  return want.isInManifest || want.recordedIdentity === null;
}

async function lookAt(
  configuration: Configuration,
  manifest: readonly ManifestEntry[],
  wanted: readonly WantedPath[],
): Promise<Look> {
  const { base, paths, rules, table } = await observeConfigured(configuration, manifest, wanted);
  return {
    table,
    jobsRoot: rules.jobsRoot,
    base,
    paths: wanted.flatMap((want, index) => {
      const seen = paths[index];
      return seen === undefined ? [] : [{ want, seen }];
    }),
  };
}

/** Which jobs wait, with the state of their storage, and which are said to run on this host. */
export function seenJobs({ jobs, paths }: Pick<Survey, 'jobs' | 'paths'>, host: HostIdentity): SeenJobs {
  if (!jobs.isKnown) return jobs;
  const seenOf = new Map(paths.flatMap(({ want, seen }) => want.jobs.map((id) => [id, seen] as const)));
  const waiting = jobs.jobs.filter(({ status }) => status === 'queued' || status === 'retryable');
  const running = jobs.jobs.filter(
    ({ status, lease }) => status === 'running' && (lease === null || isOnThisHost(lease, host)),
  );
  return {
    isKnown: true,
    pending: waiting.map(({ id, outputDir }) => {
      const { state = 'unknown', reason = 'it was not looked at' } = seenOf.get(id) ?? {};
      return { id, path: outputDir, state, reason };
    }),
    runningHere: running.map(({ id }) => id),
  };
}
