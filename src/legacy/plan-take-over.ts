import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { automations } from '../core/automations.ts';
import {
  decideTakeOver,
  type TakeOverPlan,
  type TakeOverStep,
  type TakeOverWorld,
} from '../core/legacy/decide-take-over.ts';
import type { LegacyData, LegacyJob } from '../core/legacy/legacy-rows.ts';
import { unfinishedStatuses } from '../core/jobs/job.ts';
import { general, refuse, type Refusal } from '../core/plan.ts';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import { readMountTable } from '../effects/read-mounts.ts';
import { canonicalPaths } from '../effects/storage-access.ts';
import { readManifestIfReadable } from '../hot-paths/observe-configured.ts';
import type { Database } from '../store/database.ts';
import { JobStore } from '../store/job-store.ts';
import { SourceStore } from '../store/source-store.ts';
import { workerPaths } from '../worker/worker-paths.ts';

/** What of the original would be taken over now. */
export async function planTakeOver(
  legacy: LegacyData,
  database: Database,
  configuration: Configuration,
  options: { readonly isWorkerStopped: boolean },
): Promise<TakeOverPlan> {
  const [jobs, sources] = await Promise.all([
    new JobStore(database).list(),
    new SourceStore(database).everyCode(),
  ]);
  const resolved = await withLinksResolved(legacy, configuration);
  const world: TakeOverWorld = {
    jobsRoot: resolved.jobsRoot,
    sources: new Set(sources),
    jobs: jobs.map(({ name, outputDir, status }) => ({
      name,
      outputDir,
      isFinished: !unfinishedStatuses.includes(status),
    })),
  };
  const plan = decideTakeOver({ ...legacy, jobs: resolved.jobs }, world, options);
  return { ...plan, left: [...plan.left, ...hostLeft(resolved.jobs, configuration)] };
}

/** As jobs of ours are written down: links resolved. What can't be looked at stays as it is written. */
async function withLinksResolved(
  legacy: LegacyData,
  { paths, recovery }: Configuration,
): Promise<{ readonly jobsRoot: string; readonly jobs: readonly LegacyJob[] }> {
  const wanted = [paths.jobs_root, ...legacy.jobs.map(({ outputDir }) => outputDir)];
  // Links are resolved in the parent only; a name below makes the last name part of the parent.
  const results = await canonicalPaths(
    wanted.map((path) => join(path, 'name')),
    { timeoutMs: recovery.probe_timeout_seconds * 1000, stuckDir: workerPaths(paths.state_dir).stuckProbes },
  );
  const [jobsRoot = '', ...outputDirs] = results.map((result, index) =>
    result.kind === 'canonical' ? dirname(result.path) : (wanted[index] ?? ''),
  );
  const jobs = legacy.jobs.map((job, index) => ({ ...job, outputDir: outputDirs[index] ?? job.outputDir }));
  return { jobsRoot, jobs };
}

/** What lies on this host of the original, and does not mean here what it meant there. Its manifest and its sentinels are used as they are. */
function hostLeft(jobs: readonly LegacyJob[], configuration: Configuration): Refusal[] {
  const { paths, tiering, hot_mounts: hotMounts, storagebox } = configuration;
  const left = (because: string): Refusal => general('legacy_left', because, false);
  const manifest = readManifestIfReadable(configuration).problems.map(({ line, message }) =>
    left(`${tiering.manifest}${line === null ? '' : `, line ${line}`}: ${message}`),
  );
  const known: readonly string[] = Object.values(automations).map(({ sentinel }) => sentinel);
  const sentinels = namesIn(paths.sentinel_dir)
    .filter((name) => name.endsWith('-enabled') && !known.includes(name))
    .map((name) => left(`${paths.sentinel_dir}/${name} switches nothing on here`));
  const table = readMountTable();
  const base = storagebox.mount === '' ? undefined : table.topmostAt(storagebox.mount);
  const places = [...new Set(jobs.map(({ outputDir }) => outputDir))];
  const mounts = places.flatMap((path) => {
    const mount = table.topmostAt(path);
    const isOwn = mount !== undefined && isNetworkFileSystem(mount.fstype) && mount.device !== base?.device;
    if (!isOwn || hotMounts.some((hot) => hot.path === path)) return [];
    const because = `${mount.source} is mounted there by itself, no directory of the storage box: name it under [[hot_mounts]], or have it replaced by a bind (storage tier --apply --repair-unexpected-mounts)`;
    return [refuse({ path }, { code: 'legacy_left', because })];
  });
  return [...manifest, ...sentinels, ...mounts];
}

/** What the steps add. */
export function sourcesAndJobs(steps: readonly TakeOverStep[]) {
  return {
    sources: steps.flatMap((step) => (step.kind === 'source' ? [step.source] : [])),
    jobs: steps.flatMap((step) => (step.kind === 'job' ? [step.job] : [])),
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
