import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { type Manifest, type ManifestEntry, parseManifest } from '../core/storage/manifest.ts';
import type { HotPath } from '../core/storage/expectation.ts';
import { type HotPathsReport, observeHotPaths } from '../effects/storage-probe.ts';
import { OperatorError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { readPlainFile } from '../effects/small-file.ts';

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

/**
 * The tiering manifest; without a file, or without a storage box, it has no lines.
 * @throws OperatorError when it is there and can't be read: nobody knows then which paths must be mounts
 */
export function readManifest({ tiering, storagebox, paths }: Configuration): Manifest {
  if (storagebox.mount === '') return { entries: [], problems: [] };
  let text: string;
  try {
    text = readPlainFile(tiering.manifest, { followLinks: true });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { entries: [], problems: [] };
    throw new OperatorError(
      `the tiering manifest ${escapeForTerminal(tiering.manifest)} can't be read (${code}).`,
    );
  }
  return parseManifest(text, { jobsRoot: paths.jobs_root, boxMount: storagebox.mount });
}

/** For who only looks: that it can't be read is a problem like others, to be shown beside everything else. */
export function readManifestIfReadable(configuration: Configuration): Manifest {
  try {
    return readManifest(configuration);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const message = `${error.message} Which paths it wants to be mounts is not known`;
    return { entries: [], problems: [{ line: null, message }] };
  }
}
