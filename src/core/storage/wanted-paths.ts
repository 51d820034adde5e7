import type { Job } from '../jobs/job.ts';
import type { HotPath, Past } from './expectation.ts';
import type { ManifestEntry } from './manifest.ts';

/** A hot path, and who needs it. */
export interface WantedPath extends HotPath {
  /** Ids of the jobs that write to it, in ascending order. */
  readonly jobs: readonly number[];
  /** It stands in a line of its own. */
  readonly isInManifest: boolean;
}

type WantingJob = Pick<
  Job,
  | 'id'
  | 'status'
  | 'outputDir'
  | 'campaignKind'
  | 'campaignYear'
  | 'storageIdentity'
  | 'mostArchivedBytes'
  | 'progress'
>;

const pasts: readonly Past[] = ['none', 'tried', 'archived'];

/** What the job has done in its output directory. Once its storage is forgotten (a person's word), it begins anew. */
export function pastOf({
  storageIdentity,
  mostArchivedBytes,
  progress,
}: Pick<Job, 'storageIdentity' | 'mostArchivedBytes' | 'progress'>): Past {
  if (storageIdentity === null) return 'none';
  return mostArchivedBytes > 0 || (progress?.bytes ?? 0) > 0 ? 'archived' : 'tried';
}

/**
 * Whether anything still depends on a job's output directory: it will be crawled into, or it belongs to the campaign of
 * this year, whose archive must stay readable.
 */
export function needsItsPath(job: WantingJob, year: number): boolean {
  if (job.status === 'queued' || job.status === 'running' || job.status === 'retryable') return true;
  return job.campaignKind === 'annual' && job.campaignYear === year && job.status !== 'cancelled';
}

/**
 * Every hot path that somebody needs: jobs, manifest lines, `[[hot_mounts]]`; by name. Wanted by several, it is still
 * one.
 */
export function wantedPaths(
  jobs: readonly WantingJob[],
  manifest: readonly ManifestEntry[],
  hotMounts: readonly { readonly path: string }[],
  year: number,
): WantedPath[] {
  const wanted = new Map<string, WantedPath>();
  const want = (asWritten: string, more: Partial<WantedPath>): void => {
    const path = plainPath(asWritten);
    const before = wanted.get(path);
    wanted.set(path, {
      path,
      jobs: [...(before?.jobs ?? []), ...(more.jobs ?? [])],
      isInManifest: (before?.isInManifest ?? false) || (more.isInManifest ?? false),
      isAnnualCampaignJob: (before?.isAnnualCampaignJob ?? false) || (more.isAnnualCampaignJob ?? false),
      recordedIdentity: before?.recordedIdentity ?? more.recordedIdentity ?? null,
      past: pasts.findLast((past) => past === before?.past || past === more.past) ?? 'none',
    });
  };
  const needed = jobs.filter((job) => needsItsPath(job, year)).sort((a, b) => a.id - b.id);
  for (const job of needed) {
    want(job.outputDir, {
      jobs: [job.id],
      isAnnualCampaignJob: job.campaignKind === 'annual',
      recordedIdentity: job.storageIdentity,
      past: pastOf(job),
    });
  }
  for (const entry of manifest) want(entry.hotPath, { isInManifest: true });
  for (const mount of hotMounts) want(mount.path, {});
  return [...wanted.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** A configured path may end in a slash, or double one; it names the same directory. */
function plainPath(path: string): string {
  return path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
}
