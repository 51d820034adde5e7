import { judgeBase, locateBase, type BaseReport } from '../core/storage/base.ts';
import type { Expectation } from '../core/storage/expectation.ts';
import { judgePath } from '../core/storage/judge.ts';
import type { Lookup } from '../core/storage/lookup.ts';
import type { MountTable } from '../core/storage/mount-table.ts';
import type { PathReport } from '../core/storage/path-report.ts';
import { readFuseConnections } from './fuse-connections.ts';
import { readMountTable } from './mount-table.ts';
import { startTheClock } from './storage/ask-child.ts';
import { canonicalise, type CanonicalPath } from './storage/canonicalise.ts';
import { lookUpPaths } from './storage/look-up-paths.ts';

export interface StorageQuestion {
  /** Where the storage box is mounted, and with which file system type; null without one. */
  readonly base: { readonly mount: string; readonly fstype: string } | null;
  readonly staleErrnos: readonly string[];
  readonly paths: readonly { readonly path: string; readonly expectation: Expectation }[];
  /** For each answer; everything together takes at most a second more. */
  readonly probeTimeoutMs: number;
  /** A folder on local disk for the record of stuck probes; null: they are remembered in this process only. */
  readonly stuckDir: string | null;
}

export interface ObservedPath extends PathReport {
  /** As in the question. */
  readonly path: string;
  /** With symbolic links in its parent resolved, as the mount table has it; the path itself where that failed. */
  readonly canonicalPath: string;
}

export interface StorageReport {
  readonly base: BaseReport | null;
  /** One per path of the question, in its order. */
  readonly paths: readonly ObservedPath[];
  /** What the paths were judged by. */
  readonly table: MountTable;
}

/**
 * The true state of hot paths and base, within the timeout whatever hangs. This process touches none of them: it reads the mount
 * table, and disposable children do the lookups.
 */
export async function observeStorage(question: StorageQuestion): Promise<StorageReport> {
  const options = startTheClock(question.probeTimeoutMs, question.stuckDir);
  const table = readMountTable();
  const canonical = await canonicalise(pathsIn(question), table, options);
  const canonicalOf = (path: string): string => {
    const result = canonical.get(path);
    return result?.kind === 'canonical' ? result.path : path;
  };
  const asked = question.paths.filter(({ path }) => canonical.get(path)?.kind === 'canonical');
  const lookups = await lookUpPaths(
    [...(question.base ? [question.base.mount] : []), ...asked.map(({ path }) => path)].map(canonicalOf),
    table,
    question.staleErrnos,
    options,
  );
  const after = readMountTable();
  const waiting = readFuseConnections();
  const lookupOf = (path: string): Lookup => {
    const failed = canonicaliseFailure(canonical.get(path));
    if (failed) return failed;
    if (!isSameWay(table, after, canonicalOf(path))) return changedMeanwhile;
    return lookups.get(canonicalOf(path)) ?? changedMeanwhile;
  };
  const contextOf = (path: string) => ({
    staleErrnos: question.staleErrnos,
    waitingRequests: waiting.get(table.covering(canonicalOf(path))?.device ?? '') ?? null,
  });
  const box = question.base?.mount ?? '';
  const base = question.base && locateBase(table, canonicalOf(box), question.base.fstype);
  return {
    base: base && { path: box, ...judgeBase(base, table, lookupOf(box), contextOf(box)) },
    paths: question.paths.map(({ path, expectation }) => {
      const canonicalPath = canonicalOf(path);
      const report = judgePath({
        path: canonicalPath,
        table,
        lookup: lookupOf(path),
        expectation: canonicalExpectation(expectation, canonicalOf),
        base,
        ...contextOf(path),
      });
      return { path, canonicalPath, ...report };
    }),
    table,
  };
}

const changedMeanwhile: Lookup = { kind: 'not_asked', detail: 'the mounts changed while it was looked at' };

function pathsIn({ base, paths }: StorageQuestion): string[] {
  const all = paths.flatMap(({ path, expectation }) => {
    switch (expectation.kind) {
      case 'bind':
        return [path, expectation.mountPoint, expectation.coldPath];
      case 'mount':
        return [path, expectation.mountPoint];
      case 'identity':
      case 'nothing':
        return [path];
    }
  });
  return base ? [base.mount, ...all] : all;
}

function canonicalExpectation(expectation: Expectation, canonicalOf: (path: string) => string): Expectation {
  switch (expectation.kind) {
    case 'bind':
      return {
        ...expectation,
        mountPoint: canonicalOf(expectation.mountPoint),
        coldPath: canonicalOf(expectation.coldPath),
      };
    case 'mount':
      return { ...expectation, mountPoint: canonicalOf(expectation.mountPoint) };
    case 'identity':
    case 'nothing':
      return expectation;
  }
}

function canonicaliseFailure(result: CanonicalPath | undefined): Lookup | null {
  if (!result || result.kind === 'canonical') return null;
  if (result.kind === 'error') return { kind: 'error', errno: result.errno };
  return { kind: 'not_asked', detail: result.detail };
}

/** True when the walk to the path still goes through the same mounts. */
function isSameWay(before: MountTable, after: MountTable, path: string): boolean {
  const describe = (table: MountTable): string =>
    table
      .chain(path)
      .map(({ id, device, root }) => `${id} ${device} ${root}`)
      .join('\n');
  return describe(before) === describe(after);
}
