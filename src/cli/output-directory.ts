import { dirname, join, resolve } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { OperatorError, UsageError } from '../core/errors.ts';
import { isBelow } from '../core/storage/path-relation.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { canonicalPaths, filesAmong, type AccessOptions } from '../effects/storage-access.ts';
import { workerPaths } from '../worker/worker-paths.ts';

/** File systems take no longer names than this, and the kernel no longer paths than 4096; files of ours are made below. */
const maxNameBytes = 255;
const maxPathBytes = 3500;

/** What the file system says of a path that nobody can ever make. */
const impossible: readonly string[] = ['ELOOP', 'ENAMETOOLONG', 'ENOTDIR'];

/**
 * The canonical form of output directories: strictly below the jobs root, also after symbolic links are followed. A directory may be
 * absent. Disposable children look, one for all of them, so that storage that hangs can't hang the command.
 * @param wanted absolute, or relative to the jobs root
 * @throws UsageError when one leaves the jobs root, or can't be a directory at all
 */
export async function outputDirectories(
  wanted: readonly string[],
  configuration: Configuration,
): Promise<string[]> {
  const jobsRoot = resolve(configuration.paths.jobs_root);
  const lexical = wanted.map((path) => lexicalDirectory(path, jobsRoot));
  const [root = '', ...canonical] = await withLinksResolved([jobsRoot, ...lexical], configuration);
  for (const [index, path] of canonical.entries())
    if (!isBelow(path, root))
      throw new UsageError(
        `--output-dir ${escapeToWidth(wanted[index] ?? '', 200)}: through a symbolic link it leaves the jobs root and ends at ${escapeToWidth(path, 200)}.`,
      );
  const [file] = await filesAmong(canonical, accessOptions(configuration));
  if (file !== undefined) throw cannotBeDirectory(file, 'ENOTDIR');
  return canonical;
}

function lexicalDirectory(wanted: string, jobsRoot: string): string {
  const lexical = resolve(jobsRoot, wanted);
  const shown = escapeToWidth(wanted, 200);
  if (!isBelow(lexical, jobsRoot)) {
    throw new UsageError(
      `--output-dir ${shown}: it must lie below the jobs root, ${escapeToWidth(jobsRoot, 200)}.`,
    );
  }
  if (isTooLong(lexical)) throw new UsageError(`--output-dir ${shown}: it is too long for a path.`);
  return lexical;
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

async function withLinksResolved(paths: readonly string[], configuration: Configuration): Promise<string[]> {
  // Links are resolved in the parent only; a name below makes our last name part of the parent.
  const results = await canonicalPaths(
    paths.map((path) => join(path, 'name')),
    accessOptions(configuration),
  );
  return results.map((result, index) => {
    const path = paths[index] ?? '';
    if (result.kind === 'canonical') return dirname(result.path);
    if (result.kind === 'error' && impossible.includes(result.errno))
      throw cannotBeDirectory(path, result.errno);
    const why = result.kind === 'error' ? result.errno : result.kind.replaceAll('_', ' ');
    throw new OperatorError(`${escapeToWidth(path, 200)} can't be looked at: ${why}.`);
  });
}
