import {
  expectationFor,
  type Expectation,
  type ExpectationRules,
  type HotPath,
} from '../core/storage/expectation.ts';
import { readMountTable } from './mount-table.ts';
import { startTheClock } from './storage/ask-child.ts';
import { canonicalise, type CanonicalPaths } from './storage/canonicalise.ts';
import { observeCanonical, type StorageReport } from './storage/observe-canonical.ts';

export type { ObservedPath, StorageReport } from './storage/observe-canonical.ts';

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

/** Holds hot paths against what configuration, manifest and jobs expect on them. */
export async function observeHotPaths(question: HotPathQuestion): Promise<HotPathsReport> {
  const { rules, hotPaths, fstype, staleErrnos } = question;
  const options = startTheClock(question.probeTimeoutMs, question.stuckDir);
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
  const canonicalRules = resolveRules(rules, canonical);
  const paths = hotPaths.map((hot) => ({
    path: hot.path,
    expectation: expectationFor({ ...hot, path: canonical.of(hot.path) }, canonicalRules),
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
