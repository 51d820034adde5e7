import { readFileSync } from 'node:fs';
import type { Configuration } from '../config/schema.ts';
import { OperatorError } from '../core/errors.ts';
import type { Job } from '../core/jobs/job.ts';
import { parseManifest, type ManifestEntry } from '../core/storage/manifest.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import { observeHotPaths, type ObservedPath, type StorageReport } from '../effects/storage-probe.ts';
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

/** Looks at the output directories of jobs, each through disposable children (observeHotPaths), in their order. */
export async function observeJobStorage(
  configuration: Configuration,
  jobs: readonly Job[],
): Promise<SeenStorage[]> {
  const { storagebox, recovery, paths, hot_mounts } = configuration;
  const report = await observeHotPaths({
    rules: {
      jobsRoot: paths.jobs_root,
      storagebox:
        storagebox.mount === '' ? null : { mount: storagebox.mount, coldRoot: storagebox.cold_root },
      manifest: readManifest(configuration),
      hotMounts: hot_mounts,
    },
    fstype: storagebox.fstype,
    hotPaths: jobs.map((job) => ({
      path: job.outputDir,
      isAnnualCampaignJob: job.campaignKind === 'annual',
      recordedIdentity: job.storageIdentity,
    })),
    staleErrnos: storagebox.stale_errnos,
    probeTimeoutMs: recovery.probe_timeout_seconds * 1000,
    stuckDir: workerPaths(paths.state_dir).stuckProbes,
  });
  return jobs.flatMap((job, index) => {
    const path = report.paths[index];
    return path === undefined ? [] : [{ job, path, unfit: unfitness(path, report.base) }];
  });
}

/** The usable lines of the tiering manifest; without a file, or without a storage box, none. */
function readManifest({ tiering, storagebox, paths }: Configuration): readonly ManifestEntry[] {
  if (storagebox.mount === '') return [];
  let text: string;
  try {
    text = readFileSync(tiering.manifest, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    // Without it nobody knows which paths must be mounts, and a crawl could land on the local disk.
    throw new OperatorError(`the tiering manifest ${tiering.manifest} can't be read (${code}).`);
  }
  return parseManifest(text, { jobsRoot: paths.jobs_root, boxMount: storagebox.mount }).entries;
}

function unfitness(path: ObservedPath, base: StorageReport['base']): Unfit | null {
  if (path.state !== 'healthy') return { reason: path.state, detail: path.reason };
  // A bind can outlive its base; a crawl that runs on it goes on, but none begins on it.
  if (path.expectation.kind === 'bind' && base !== null && base.state !== 'healthy') {
    return { reason: base.state, detail: `the storage box: ${base.reason}` };
  }
  return null;
}
