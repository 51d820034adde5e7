import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import type { ManifestEntry } from '../core/storage/manifest.ts';
import type { HotPath } from '../core/storage/expectation.ts';
import { observeHotPaths, type HotPathsReport } from '../effects/storage-probe.ts';

/** Where outstanding probes are recorded: no superblock is asked twice at a time, by whatever process of ours. */
export function stuckProbesFolder(configuration: Configuration): string {
  return join(configuration.paths.state_dir, 'locks');
}

/** Looks at hot paths and base the way the configuration says; bounded, and never in this process. */
export async function observeConfigured(
  configuration: Configuration,
  manifest: readonly ManifestEntry[],
  hotPaths: readonly HotPath[],
): Promise<HotPathsReport> {
  const { storagebox, recovery, paths, hot_mounts } = configuration;
  return await observeHotPaths({
    rules: {
      jobsRoot: paths.jobs_root,
      storagebox:
        storagebox.mount === '' ? null : { mount: storagebox.mount, coldRoot: storagebox.cold_root },
      manifest,
      hotMounts: hot_mounts,
    },
    fstype: storagebox.fstype,
    hotPaths,
    staleErrnos: storagebox.stale_errnos,
    probeTimeoutMs: recovery.probe_timeout_seconds * 1000,
    stuckDir: stuckProbesFolder(configuration),
  });
}
