import {
  type Expectation,
  expectationFor,
  type ExpectationRules,
  type HotPath,
  type Past,
} from '../core/storage/expectation.ts';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import { readFuseConnections, readMountTable } from './read-mounts.ts';
import type { Lookup } from '../core/storage/lookup.ts';
import type { Mount } from '../core/storage/mountinfo.ts';
import type { MountTable } from '../core/storage/mount-table.ts';
import { type AskOptions, type LookOptions, startTheClock } from './storage/ask-child.ts';
import { canonicalise, type CanonicalPaths } from './storage/canonicalise.ts';
import { lookUpPaths } from './storage/look-up-paths.ts';
import { type BaseReport, judgeBase, locateBase } from '../core/storage/base.ts';
import { judgePath } from '../core/storage/judge.ts';
import type { PathReport } from '../core/storage/path-report.ts';

/**
 * The true state of hot paths and base, in time whatever hangs. This process touches none of them: it reads the
 * mount table, and disposable children do the lookups.
 */

export interface ProbeOptions {
  readonly staleErrnos: readonly string[];
  /** For each answer; everything together takes at most a second more. */
  readonly probeTimeoutMs: number;
  /** A folder on local disk for the record of stuck probes; null: they are remembered in this process only. */
  readonly stuckDir: string | null;
}

export interface HotPathQuestion extends ProbeOptions {
  /** Paths as configured; links in them are followed before anything is compared. */
  readonly rules: ExpectationRules;
  /** The file system type of the base; without meaning where `rules.storagebox` is null. */
  readonly fstype: string;
  readonly hotPaths: readonly HotPath[];
}

export interface StorageQuestion extends ProbeOptions {
  /** Where the storage box is mounted, and with which file system type; null without one. */
  readonly base: { readonly mount: string; readonly fstype: string } | null;
  readonly paths: readonly { readonly path: string; readonly expectation: Expectation }[];
}

export interface HotPathsReport extends StorageReport {
  /** The rules of the question with canonical paths. */
  readonly rules: ExpectationRules;
}

/** Where paths lead, before any of them is looked up; all that follows has `options` for its deadline. */
export interface Bearings {
  readonly table: MountTable;
  readonly canonical: CanonicalPaths;
  /** With canonical paths. */
  readonly rules: ExpectationRules;
  readonly options: LookOptions;
}

/** Follows the links in all paths and rules, as far as local disks reach, and starts the clock of the look. */
export async function takeBearings({
  rules,
  hotPaths,
  probeTimeoutMs,
  stuckDir,
}: Pick<HotPathQuestion, 'rules' | 'probeTimeoutMs' | 'stuckDir'> & {
  readonly hotPaths: readonly { readonly path: string }[];
}): Promise<Bearings> {
  const options = startTheClock(probeTimeoutMs, stuckDir);
  const table = readMountTable();
  const canonical = await canonicalise(
    [
      ...hotPaths.map(({ path }) => path),
      ...rules.manifest.flatMap(({ hotPath, coldPath }) => [hotPath, coldPath]),
      ...rules.hotMounts.map(({ path }) => path),
    ],
    [rules.jobsRoot, ...(rules.storagebox ? [rules.storagebox.mount, rules.storagebox.coldRoot] : [])],
    table,
    options,
  );
  return { table, canonical, rules: resolveRules(rules, canonical), options };
}

/** Holds hot paths against what configuration, manifest and jobs expect on them. */
export async function observeHotPaths(question: HotPathQuestion): Promise<HotPathsReport> {
  const { rules, hotPaths, fstype, staleErrnos } = question;
  const { table, canonical, rules: canonicalRules, options } = await takeBearings(question);
  const paths = hotPaths.map((hot) => ({
    path: hot.path,
    expectation: expectationFor({ ...hot, path: canonical.of(hot.path) }, canonicalRules),
    past: hot.past ?? 'none',
  }));
  const base = rules.storagebox && { mount: rules.storagebox.mount, fstype };
  const report = await observeCanonical({ base, staleErrnos, paths }, canonical, table, options);
  return { ...report, rules: canonicalRules };
}

/** The same with expectations that are known already. */
export async function observeStorage(question: StorageQuestion): Promise<StorageReport> {
  const { base, staleErrnos } = question;
  const options = startTheClock(question.probeTimeoutMs, question.stuckDir);
  const table = readMountTable();
  const paths = question.paths.flatMap(({ path, expectation }) => [path, ...pathsOf(expectation)]);
  const canonical = await canonicalise(paths, base ? [base.mount] : [], table, options);
  const resolved = question.paths.map(({ path, expectation }) => ({
    path,
    expectation: resolveExpectation(expectation, canonical),
  }));
  return observeCanonical({ base, staleErrnos, paths: resolved }, canonical, table, options);
}

/**
 * Looks a random name up on a superblock itself (`major:minor`), wherever it is mounted where it can be reached; whatever lies
 * over it elsewhere. Null: it is mounted nowhere that can be reached.
 */
export async function lookUpSuperblock(
  device: string,
  { staleErrnos, probeTimeoutMs, stuckDir }: ProbeOptions,
): Promise<Lookup | null> {
  const table = readMountTable();
  const reachable = table.onSuperblock(device).filter((each) => table.topmostAt(each.mountPoint) === each);
  // By way of another network mount that one would be asked first, and its failure says nothing about this superblock.
  const isDirect = ({ mountPoint }: Mount): boolean =>
    table.chain(mountPoint).every((each) => each.device === device || !isNetworkFileSystem(each.fstype));
  const mount = reachable.find(isDirect) ?? reachable[0];
  if (mount === undefined) return null;
  const options = startTheClock(probeTimeoutMs, stuckDir);
  const lookups = await lookUpPaths([mount.mountPoint], table, staleErrnos, options);
  const lookup = lookups.get(mount.mountPoint) ?? null;
  const after = readMountTable();
  if (!isSameWay(table, after, mount.mountPoint)) return changedMeanwhile;
  return lookup?.kind === 'failed_at' && !isDirect(mount) ? null : lookup;
}

function resolveRules(rules: ExpectationRules, canonical: CanonicalPaths): ExpectationRules {
  return {
    jobsRoot: canonical.ofDirectory(rules.jobsRoot),
    storagebox: rules.storagebox && {
      mount: canonical.ofDirectory(rules.storagebox.mount),
      coldRoot: canonical.ofDirectory(rules.storagebox.coldRoot),
    },
    manifest: rules.manifest.map(({ hotPath, coldPath, line }) => ({
      hotPath: canonical.of(hotPath),
      coldPath: canonical.of(coldPath),
      line,
    })),
    hotMounts: rules.hotMounts.map(({ path, unit }) => ({ path: canonical.of(path), unit })),
  };
}

function pathsOf(expectation: Expectation): string[] {
  switch (expectation.kind) {
    case 'bind':
      return [expectation.mountPoint, expectation.coldPath];
    case 'mount':
    case 'unplaceable':
      return [expectation.mountPoint];
    case 'identity':
    case 'nothing':
      return [];
  }
}

function resolveExpectation(expectation: Expectation, canonical: CanonicalPaths): Expectation {
  switch (expectation.kind) {
    case 'bind': {
      const { mountPoint, coldPath } = expectation;
      return { ...expectation, mountPoint: canonical.of(mountPoint), coldPath: canonical.of(coldPath) };
    }
    case 'mount':
    case 'unplaceable':
      return { ...expectation, mountPoint: canonical.of(expectation.mountPoint) };
    case 'identity':
    case 'nothing':
      return expectation;
  }
}

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
async function observeCanonical(
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
