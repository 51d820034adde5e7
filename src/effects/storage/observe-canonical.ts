import { type BaseReport, judgeBase, locateBase } from '../../core/storage/base.ts';
import type { Expectation, Past } from '../../core/storage/expectation.ts';
import { judgePath } from '../../core/storage/judge.ts';
import type { Lookup } from '../../core/storage/lookup.ts';
import type { MountTable } from '../../core/storage/mount-table.ts';
import type { PathReport } from '../../core/storage/path-report.ts';
import { readFuseConnections, readMountTable } from '../read-mounts.ts';
import type { AskOptions } from './ask-child.ts';
import type { CanonicalPaths } from './canonicalise.ts';
import { lookUpPaths } from './look-up-paths.ts';

export interface ObservedPath extends PathReport {
  /** As in the question. */
  readonly path: string;
  /** With symbolic links in its parent resolved, as the mount table has it; the path itself where that failed. */
  readonly canonicalPath: string;
  /** What it was held against; its paths are canonical. */
  readonly expectation: Expectation;
}

export interface StorageReport {
  readonly base: BaseReport | null;
  /** One per path of the question, in its order. */
  readonly paths: readonly ObservedPath[];
  /** What the paths were judged by. */
  readonly table: MountTable;
}

export interface CanonicalQuestion {
  readonly base: { readonly mount: string; readonly fstype: string } | null;
  readonly staleErrnos: readonly string[];
  /** The paths as they were asked; their expectations with canonical paths. */
  readonly paths: readonly {
    readonly path: string;
    readonly expectation: Expectation;
    readonly past?: Past;
  }[];
}

/** Looks up all paths at once and judges each by the mounts that were there before and after. */
export async function observeCanonical(
  { base: box, staleErrnos, paths }: CanonicalQuestion,
  canonical: CanonicalPaths,
  before: MountTable,
  options: Omit<AskOptions, 'mount'>,
): Promise<StorageReport> {
  const basePath = box && canonical.ofDirectory(box.mount);
  const asked = paths.filter(({ path }) => !canonical.failureOf(path)).map(({ path }) => canonical.of(path));
  const lookups = await lookUpPaths(
    [...(basePath ? [basePath] : []), ...asked],
    before,
    staleErrnos,
    options,
  );
  const after = readMountTable();
  const waiting = readFuseConnections();
  const lookupOf = (path: string): Lookup =>
    isSameWay(before, after, path) ? (lookups.get(path) ?? changedMeanwhile) : changedMeanwhile;
  const contextOf = (path: string) => ({
    staleErrnos,
    waitingRequests: waiting.get(before.covering(path)?.device ?? '') ?? null,
  });
  const base = box && basePath ? locateBase(before, basePath, box.fstype) : null;
  const baseVerdict = base && judgeBase(base, before, lookupOf(base.path), contextOf(base.path));
  return {
    base: box && baseVerdict && { path: box.mount, ...baseVerdict },
    paths: paths.map(({ path, expectation, past = 'none' }) => {
      const canonicalPath = canonical.of(path);
      const failure = canonical.failureOf(path);
      const lookup = failure ?? lookupOf(canonicalPath);
      const isResolved = failure === null;
      const context = contextOf(canonicalPath);
      const report = judgePath({
        path: canonicalPath,
        table: before,
        lookup,
        isResolved,
        expectation,
        past,
        base,
        ...context,
      });
      return { path, canonicalPath, expectation, ...report };
    }),
    table: before,
  };
}

export const changedMeanwhile: Lookup = {
  kind: 'not_asked',
  detail: 'the mounts changed while it was looked at',
};

/** True when the walk to the path still goes through the same mounts. */
export function isSameWay(before: MountTable, after: MountTable, path: string): boolean {
  const describe = (table: MountTable): string =>
    table
      .chain(path)
      .map(({ id, device, root }) => `${id} ${device} ${root}`)
      .join('\n');
  return describe(before) === describe(after);
}
