import type { Configuration } from '../config/schema.ts';
import type { Job } from '../core/jobs/job.ts';
import { pastOf } from '../core/storage/wanted-paths.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import { judgeLookup } from '../core/storage/lookup.ts';
import { lookUpSuperblock, type ObservedPath, type StorageReport } from '../effects/storage-probe.ts';
import { observeConfigured, readManifest } from '../hot-paths/observe-configured.ts';
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

/** Looks at the output directories of jobs, in their order. */
export async function observeJobStorage(
  configuration: Configuration,
  jobs: readonly Job[],
): Promise<SeenStorage[]> {
  const hotPaths = jobs.map((job) => ({
    path: job.outputDir,
    isAnnualCampaignJob: job.campaignKind === 'annual',
    recordedIdentity: job.storageIdentity,
    past: pastOf(job),
  }));
  const report = await observeConfigured(configuration, readManifest(configuration).entries, hotPaths);
  return jobs.flatMap((job, index) => {
    const path = report.paths[index];
    return path === undefined ? [] : [{ job, path, unfit: unfitness(path, report.base) }];
  });
}

/**
 * How the superblock is that a running crawl works on, by itself: what lies over the path by now, or whether anything does, is
 * nothing to the crawl, which works inside the directory that it opened. Null when nobody can say.
 */
export async function stateOfSuperblock(
  { storagebox, recovery, paths }: Configuration,
  device: string,
): Promise<StorageState | null> {
  const lookup = await lookUpSuperblock(device, {
    staleErrnos: storagebox.stale_errnos,
    probeTimeoutMs: recovery.probe_timeout_seconds * 1000,
    stuckDir: workerPaths(paths.state_dir).stuckProbes,
  });
  if (lookup === null) return null;
  const context = { staleErrnos: storagebox.stale_errnos, waitingRequests: null };
  return judgeLookup(lookup, context)?.state ?? 'healthy';
}

function unfitness(path: ObservedPath, base: StorageReport['base']): Unfit | null {
  if (path.state !== 'healthy') return { reason: path.state, detail: path.reason };
  // A bind can outlive its base; a crawl that runs on it goes on, but none begins on it.
  if (path.expectation.kind === 'bind' && base !== null && base.state !== 'healthy') {
    return { reason: base.state, detail: `the storage box: ${base.reason}` };
  }
  return null;
}
