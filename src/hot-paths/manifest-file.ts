import type { Configuration } from '../config/schema.ts';
import { OperatorError } from '../core/errors.ts';
import { parseManifest, type Manifest } from '../core/storage/manifest.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { readPlainFile } from '../effects/plain-file.ts';

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
