import { readFileSync } from 'node:fs';
import type { Configuration } from '../config/schema.ts';
import type { Job } from '../core/jobs/job.ts';
import { expectationFor, type Expectation } from '../core/storage/expectation.ts';
import { parseManifest, type ManifestEntry } from '../core/storage/manifest.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import { observeStorage, type ObservedPath, type StorageReport } from '../effects/storage-probe.ts';
import { workerPaths } from './worker-paths.ts';

/** Storage that a job must not run on, and why. */
export interface Unfit {
  readonly reason: StorageState;
  readonly detail: string;
}

/** One job's output directory as it is now, held against what is expected there. */
export interface SeenStorage {
  readonly job: Job;
  readonly path: ObservedPath;
  /** Null when the job may run on it. */
  readonly unfit: Unfit | null;
}

/** Looks at the output directories of jobs, each through disposable children (observeStorage), in their order. */
export async function observeJobStorage(
  configuration: Configuration,
  jobs: readonly Job[],
): Promise<SeenStorage[]> {
  const { storagebox, recovery, paths } = configuration;
  const manifest = readManifest(configuration);
  const expected = jobs.map((job) => ({ job, expectation: expectationOf(job, configuration, manifest) }));
  const report = await observeStorage({
    base: storagebox.mount === '' ? null : { mount: storagebox.mount, fstype: storagebox.fstype },
    staleErrnos: storagebox.stale_errnos,
    paths: expected.map(({ job, expectation }) => ({ path: job.outputDir, expectation })),
    probeTimeoutMs: recovery.probe_timeout_seconds * 1000,
    stuckDir: workerPaths(paths.state_dir).stuckProbes,
  });
  return expected.flatMap(({ job, expectation }, index) => {
    const path = report.paths[index];
    return path === undefined ? [] : [{ job, path, unfit: unfitness(path, report.base, expectation) }];
  });
}

function expectationOf(
  job: Job,
  configuration: Configuration,
  manifest: readonly ManifestEntry[],
): Expectation {
  const { storagebox, paths, hot_mounts } = configuration;
  return expectationFor(
    {
      path: job.outputDir,
      isAnnualCampaignJob: job.campaignKind === 'annual',
      recordedIdentity: job.storageIdentity,
    },
    {
      jobsRoot: paths.jobs_root,
      storagebox:
        storagebox.mount === '' ? null : { mount: storagebox.mount, coldRoot: storagebox.cold_root },
      manifest,
      hotMounts: hot_mounts,
    },
  );
}

/** The usable lines of the tiering manifest; without a file, or without a storage box, none. */
function readManifest({ tiering, storagebox, paths }: Configuration): readonly ManifestEntry[] {
  if (storagebox.mount === '') return [];
  let text: string;
  try {
    text = readFileSync(tiering.manifest, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return parseManifest(text, { jobsRoot: paths.jobs_root, boxMount: storagebox.mount }).entries;
}

function unfitness(path: ObservedPath, base: StorageReport['base'], expectation: Expectation): Unfit | null {
  if (path.state !== 'healthy') return { reason: path.state, detail: path.reason };
  // A bind can outlive its base; a crawl that runs on it goes on, but none begins on it.
  if (expectation.kind === 'bind' && base !== null && base.state !== 'healthy') {
    return { reason: base.state, detail: `the storage box: ${base.reason}` };
  }
  return null;
}
