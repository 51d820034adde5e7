import { UsageError } from '../core/errors.ts';
import { canonicalSeed } from '../core/jobs/seed-url.ts';
import { escapeToWidth } from '../core/text/escape.ts';

/** A name may hold anything, but not nothing, and not without end. */
const maxNameBytes = 255;

/** @throws UsageError for a name that is empty, of spaces alone, or too long */
export function checkedName(option: string, name: string): string {
  if (name.trim() === '')
    throw new UsageError(`${option} "${escapeToWidth(name, 40)}": a name can't be empty.`);
  if (Buffer.byteLength(name) > maxNameBytes)
    throw new UsageError(
      `${option} ${escapeToWidth(name, 40)}: a name has at most ${maxNameBytes} bytes, and this has ${Buffer.byteLength(name)}.`,
    );
  return name;
}

/** @throws UsageError for the first seed that is no http(s) URL with a host */
export function checkedSeeds(seeds: readonly string[]): string[] {
  return [
    ...new Set(
      seeds.map((seed) => {
        const canonical = canonicalSeed(seed);
        if (canonical !== null) return canonical;
        throw new UsageError(
          `--seed ${escapeToWidth(seed, 200)}: not an http:// or https:// URL with a host (and without user and password).`,
        );
      }),
    ),
  ];
}
