import { dirname, join, resolve } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { OperatorError, UsageError } from '../core/errors.ts';
import { isBelow } from '../core/storage/path-relation.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { canonicalPath, freeSpace, type AccessOptions } from '../effects/storage-access.ts';
import { workerPaths } from '../worker/worker-paths.ts';

/** File systems take no longer names than this, and the kernel no longer paths than 4096; files of ours are made below. */
const maxNameBytes = 255;
const maxPathBytes = 3500;

/** What the file system says of a path that nobody can ever make. */
const impossible: readonly string[] = ['ELOOP', 'ENAMETOOLONG', 'ENOTDIR'];

/**
 * The canonical form of an output directory: strictly below the jobs root, also after symbolic links are followed. The
 * directory may be absent. Disposable children look, so that storage that hangs can't hang the command.
 * @param wanted absolute, or relative to the jobs root
 * @throws UsageError when it leaves the jobs root, or can't be a directory at all
 */
export async function outputDirectory(wanted: string, configuration: Configuration): Promise<string> {
  const jobsRoot = configuration.paths.jobs_root;
  const lexical = resolve(jobsRoot, wanted);
  const shown = escapeToWidth(wanted, 200);
  if (!isBelow(lexical, resolve(jobsRoot))) {
    throw new UsageError(
      `--output-dir ${shown}: it must lie below the jobs root, ${escapeToWidth(jobsRoot, 200)}.`,
    );
  }
  if (isTooLong(lexical)) throw new UsageError(`--output-dir ${shown}: it is too long for a path.`);
  const [canonicalRoot, canonical] = await Promise.all([
    withLinksResolved(resolve(jobsRoot), configuration),
    withLinksResolved(lexical, configuration),
  ]);
  if (!isBelow(canonical, canonicalRoot)) {
    throw new UsageError(
      `--output-dir ${shown}: through a symbolic link it leaves the jobs root and ends at ${escapeToWidth(canonical, 200)}.`,
    );
  }
  await refuseFile(canonical, configuration);
  return canonical;
}

/** @throws UsageError when the path, or one above it, is a file: then a name below it is ENOTDIR, not ENOENT. */
async function refuseFile(path: string, configuration: Configuration): Promise<void> {
  const below = await freeSpace(join(path, 'name'), accessOptions(configuration));
  if (below.kind === 'error' && below.errno === 'ENOTDIR') throw cannotBeDirectory(path, below.errno);
}

function accessOptions({ paths, recovery }: Configuration): AccessOptions {
  return {
    timeoutMs: recovery.probe_timeout_seconds * 1000,
    stuckDir: workerPaths(paths.state_dir).stuckProbes,
  };
}

function cannotBeDirectory(path: string, errno: string): UsageError {
  return new UsageError(`--output-dir: ${escapeToWidth(path, 200)} can't be a directory (${errno}).`);
}

function isTooLong(path: string): boolean {
  return (
    Buffer.byteLength(path) > maxPathBytes ||
    path.split('/').some((name) => Buffer.byteLength(name) > maxNameBytes)
  );
}

async function withLinksResolved(path: string, configuration: Configuration): Promise<string> {
  // canonicalPath resolves links in the parent only; a name below makes our last name part of the parent.
  const result = await canonicalPath(join(path, 'name'), accessOptions(configuration));
  if (result.kind === 'canonical') return dirname(result.path);
  if (result.kind === 'error' && impossible.includes(result.errno))
    throw cannotBeDirectory(path, result.errno);
  const why = result.kind === 'error' ? result.errno : result.kind.replaceAll('_', ' ');
  throw new OperatorError(`${escapeToWidth(path, 200)} can't be looked at: ${why}.`);
}
