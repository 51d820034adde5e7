import type { Configuration } from '../config/schema.ts';
import { archivePlaces, kindSeen } from '../core/storage/archive.ts';
import type { PathKind } from '../core/storage/lookup.ts';
import type { Job } from '../core/jobs/job.ts';
import type { Mount } from '../core/storage/mountinfo.ts';
import { isAtOrBelow } from '../core/storage/path-relation.ts';
import { wantedPaths } from '../core/storage/wanted-paths.ts';
import type { TieringPath, TieringWorld } from '../core/tiering/tiering-world.ts';
import { thisHost } from '../effects/host.ts';
import { findShadowedData } from '../effects/find-shadowed-data.ts';
import { startTheClock } from '../effects/storage/ask-child.ts';
import { lookUpPaths } from '../effects/storage/look-up-paths.ts';
import type { ObservedPath, StorageReport } from '../effects/storage-probe.ts';
import { archivesIfKnown, type JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import {
  observeConfigured,
  readManifestIfReadable,
  stuckProbesFolder,
} from '../hot-paths/observe-configured.ts';
import { liveCrawls, runningCrawls, type LiveCrawl } from '../worker/live-crawls.ts';
import { workerPaths } from '../worker/worker-paths.ts';

/** A machine is busy at boot, and nothing else is waited for. */
const archivesDeadlineMs = 15_000;

/** Everything tiering decides by; null without a storage box in the configuration. */
export async function observeTiering(
  configuration: Configuration,
  jobs: JobsIfKnown,
  year: number,
): Promise<TieringWorld | null> {
  if (configuration.storagebox.mount === '') return null;
  const manifest = readManifestIfReadable(configuration);
  const known = jobs.isKnown ? jobs.jobs : [];
  const wanted = wantedPaths(known, manifest.entries, configuration.hot_mounts, year);
  const report = await observeConfigured(configuration, manifest.entries, wanted);
  const { base, rules, table } = report;
  if (base === null || rules.storagebox === null) return null;
  // A job inside a directory that is bound as a whole needs no bind of its own.
  const tiered = report.paths.filter(({ expectation, canonicalPath }) => {
    return (
      expectation.kind === 'unplaceable' ||
      (expectation.kind === 'bind' && expectation.mountPoint === canonicalPath)
    );
  });
  const places = archivePlaces(
    tiered.map(({ path, canonicalPath }) => [path, canonicalPath]),
    rules,
  );
  const [cold, archives] = await Promise.all([
    coldKinds(tiered, report, configuration),
    jobs.isKnown ? archivesIfKnown(configuration, places, archivesDeadlineMs) : jobs,
  ]);
  const { crawls, unseenBecause } = await crawlsIfSeen(configuration, known);
  const shadowed = await findShadowedData(
    rules.jobsRoot,
    tiered.map(({ canonicalPath }) => canonicalPath),
    {
      timeoutMs: configuration.recovery.probe_timeout_seconds * 1000,
      stuckDir: stuckProbesFolder(configuration),
    },
  );
  return {
    jobsRoot: rules.jobsRoot,
    base,
    basePath: rules.storagebox.mount,
    paths: tiered.map((path, index) => ({
      ...tieringPath(path),
      coldKind: cold.get(path.canonicalPath) ?? null,
      archive: archives.isKnown ? (archives.archives[index] ?? null) : 'unknown',
      layers: table.stackAt(path.canonicalPath).map(({ device }) => device),
      isSecured: isSecured(table.topmostAt(path.canonicalPath)),
      inner: table.below(path.canonicalPath).map(({ mountPoint }) => mountPoint),
      crawls: crawlsOn([path.path, path.canonicalPath], crawls),
      shadowed: shadowed.get(path.canonicalPath) ?? null,
    })),
    manifestProblems: manifest.problems,
    jobsUnknownBecause: jobs.isKnown ? null : jobs.because,
    crawlsUnseenBecause: unseenBecause,
  };
}

/** Who may not read the state folder can see the plan all the same; to carry it out, one must be root, who can. */
async function crawlsIfSeen(
  { paths }: Configuration,
  jobs: readonly Job[],
): Promise<{ readonly crawls: readonly LiveCrawl[]; readonly unseenBecause: string | null }> {
  const state = workerPaths(paths.state_dir);
  try {
    return { crawls: await liveCrawls(state, jobs, thisHost()), unseenBecause: null };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES') throw error;
    const unseenBecause = `${state.locks} can't be read (${code})`;
    return { crawls: await runningCrawls(state, jobs, thisHost()), unseenBecause };
  }
}

/** Of what is to be mounted, while the base is there to be asked. */
async function coldKinds(
  tiered: readonly ObservedPath[],
  { base, table }: StorageReport,
  configuration: Configuration,
): Promise<ReadonlyMap<string, PathKind>> {
  const { storagebox, recovery } = configuration;
  const kinds = new Map<string, PathKind>();
  if (base?.state !== 'healthy') return kinds;
  const asked = tiered.flatMap(({ canonicalPath, expectation, state }) =>
    expectation.kind === 'bind' && state !== 'healthy'
      ? [{ canonicalPath, coldPath: expectation.coldPath }]
      : [],
  );
  const options = startTheClock(recovery.probe_timeout_seconds * 1000, stuckProbesFolder(configuration));
  const coldPaths = asked.map(({ coldPath }) => coldPath);
  const lookups = await lookUpPaths(coldPaths, table, storagebox.stale_errnos, options);
  for (const { canonicalPath, coldPath } of asked) {
    const kind = kindSeen(lookups.get(coldPath));
    if (kind !== null) kinds.set(canonicalPath, kind);
  }
  return kinds;
}

export function isSecured(mount: Mount | undefined): boolean {
  if (mount === undefined) return true;
  return !mount.isShared && mount.options.includes('nosuid') && mount.options.includes('nodev');
}

function tieringPath(
  path: ObservedPath,
): Omit<TieringPath, 'crawls' | 'shadowed' | 'inner' | 'isSecured' | 'layers' | 'coldKind' | 'archive'> {
  const { canonicalPath, expectation, state, errno, reason, mount, coveredBy } = path;
  const coldPath = expectation.kind === 'bind' ? expectation.coldPath : null;
  return { path: canonicalPath, configuredPath: path.path, coldPath, state, errno, reason, mount, coveredBy };
}

/** Names of the crawls that write at, below or above the path, of which there may be several spellings. */
export function crawlsOn(paths: readonly string[], crawls: readonly LiveCrawl[]): string[] {
  return crawls
    .filter(({ outputDir }) =>
      paths.some((hot) => isAtOrBelow(outputDir, hot) || isAtOrBelow(hot, outputDir)),
    )
    .map(({ name }) => name);
}
