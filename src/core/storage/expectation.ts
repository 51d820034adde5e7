import type { ManifestEntry } from './manifest.ts';
import type { MountIdentity } from './mountinfo.ts';
import { PathIndex } from './path-index.ts';
import { isAtOrBelow, joinBelow, relativeTo } from './path-relation.ts';

/** What is expected on a hot path. */
export type Expectation =
  /** A bind mount, at `mountPoint`, of the directory `coldPath` on the base. */
  | { readonly kind: 'bind'; readonly mountPoint: string; readonly coldPath: string }
  /** A bind mount too, but the path lies outside the jobs root, so that no directory on the base belongs to it. */
  | { readonly kind: 'unplaceable'; readonly mountPoint: string }
  /** At `mountPoint` the mount that the systemd unit makes, and never a bind of the base. */
  | {
      readonly kind: 'mount';
      readonly mountPoint: string;
      readonly unit: string;
      /** On which the job ran first, if it did. */
      readonly identity: MountIdentity | null;
    }
  /** What the job ran on first. */
  | { readonly kind: 'identity'; readonly identity: MountIdentity }
  | { readonly kind: 'nothing' };

export interface ExpectationRules {
  readonly jobsRoot: string;
  /** Null without a storage box: then nothing is tiered. */
  readonly storagebox: { readonly mount: string; readonly coldRoot: string } | null;
  readonly manifest: readonly ManifestEntry[];
  readonly hotMounts: readonly { readonly path: string; readonly unit: string }[];
}

/** What jobs have done at a path: nothing yet, an attempt that archived nothing, or an archive, which must be there. */
export type Past = 'none' | 'tried' | 'archived';

export interface HotPath {
  readonly path: string;
  readonly isAnnualCampaignJob: boolean;
  readonly recordedIdentity: MountIdentity | null;
  /** Default `none`. */
  readonly past?: Past;
}

/**
 * The most particular rule wins: a `[[hot_mounts]]` entry at the path or the nearest directory above it, then a
 * manifest line likewise, then the annual campaign, then what the job first ran on. A job below a directory that is
 * mounted as a whole is expected on that mount, so an annual job below a manifest line needs no bind of its own.
 * All paths must be canonical, or all as they are configured: they are compared name by name.
 */
export function expectationFor(hot: HotPath, rules: ExpectationRules): Expectation {
  const unitMount = nearest(hot.path, rules.hotMounts, (entry) => entry.path);
  const line = rules.storagebox ? nearest(hot.path, rules.manifest, (entry) => entry.hotPath) : undefined;
  if (unitMount && (!line || isAtOrBelow(unitMount.path, line.hotPath))) {
    return {
      kind: 'mount',
      mountPoint: unitMount.path,
      unit: unitMount.unit,
      identity: hot.recordedIdentity,
    };
  }
  if (line) return { kind: 'bind', mountPoint: line.hotPath, coldPath: line.coldPath };
  if (rules.storagebox && hot.isAnnualCampaignJob) {
    const coldPath = coldPathFor(hot.path, rules.jobsRoot, rules.storagebox.coldRoot);
    // It must not pass for a job that is not tiered: its crawl would go to the local disk.
    if (coldPath === null) return { kind: 'unplaceable', mountPoint: hot.path };
    return { kind: 'bind', mountPoint: hot.path, coldPath };
  }
  if (hot.recordedIdentity) return { kind: 'identity', identity: hot.recordedIdentity };
  return { kind: 'nothing' };
}

/**
 * The cold root plus the hot path relative to the jobs root; null for a path that is not strictly below the jobs
 * root.
 */
export function coldPathFor(hotPath: string, jobsRoot: string, coldRoot: string): string | null {
  const relative = relativeTo(hotPath, jobsRoot);
  return relative ? joinBelow(coldRoot, relative) : null;
}

/**
 * The cold directory of the hot path itself, also where a directory above it is what is bound. Null if it is not
 * tiered.
 */
export function coldPathOf(hotPath: string, expectation: Expectation): string | null {
  if (expectation.kind !== 'bind') return null;
  const relative = relativeTo(hotPath, expectation.mountPoint);
  return relative === undefined ? null : joinBelow(expectation.coldPath, relative);
}

/** One for each list of rules, which holds for thousands of paths. */
const indexes = new WeakMap<readonly object[], PathIndex<object>>();

function nearest<T extends object>(
  path: string,
  entries: readonly T[],
  pathOf: (entry: T) => string,
): T | undefined {
  let index = indexes.get(entries) as PathIndex<T> | undefined;
  if (index === undefined) {
    index = new PathIndex(entries, pathOf);
    indexes.set(entries, index);
  }
  return index.nearest(path);
}
