import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { prometheusText, type MetricFamily } from '../core/report/prometheus-text.ts';
import { writeFileAtomically } from '../effects/small-file.ts';

/**
 * Writes one file for node_exporter's textfile collector, whole or not at all, readable for all. An empty `textfile_dir` turns
 * them off.
 * @returns why it could not be written, a sentence without full stop; else null. Nothing is thrown: metrics keep nothing down
 */
export function writeTextfile(
  { paths }: Pick<Configuration, 'paths'>,
  name: string,
  families: readonly MetricFamily[],
): string | null {
  if (paths.textfile_dir === '') return null;
  const file = join(paths.textfile_dir, name);
  try {
    // Root writes here what others may own: never through a link that somebody has put in its place.
    if (!lstatSync(paths.textfile_dir).isDirectory()) return `${paths.textfile_dir} is no directory`;
    writeFileAtomically(file, prometheusText(families), 0o644);
    return null;
  } catch (error) {
    return `${file} can’t be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`;
  }
}
