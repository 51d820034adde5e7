import type { Configuration } from '../config/schema.ts';
import type { Job } from '../core/jobs/job.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import type { ObservedPath, StorageReport } from '../effects/storage-probe.ts';
import { readManifest } from '../hot-paths/manifest-file.ts';
import { observeConfigured } from '../hot-paths/observe.ts';

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
  }));
  const report = await observeConfigured(configuration, readManifest(configuration).entries, hotPaths);
  return jobs.flatMap((job, index) => {
    const path = report.paths[index];
    return path === undefined ? [] : [{ job, path, unfit: unfitness(path, report.base) }];
  });
}

function unfitness(path: ObservedPath, base: StorageReport['base']): Unfit | null {
  if (path.state !== 'healthy') return { reason: path.state, detail: path.reason };
  // A bind can outlive its base; a crawl that runs on it goes on, but none begins on it.
  if (path.expectation.kind === 'bind' && base !== null && base.state !== 'healthy') {
    return { reason: base.state, detail: `the storage box: ${base.reason}` };
  }
  return null;
}
