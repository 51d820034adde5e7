import type { Job } from '../jobs/job.ts';
import { compareQueuePlaces } from '../jobs/selection.ts';
import { expectationFor, type Expectation, type ExpectationRules } from '../storage/expectation.ts';
import type { Mount } from '../storage/mountinfo.ts';
import { MountTable } from '../storage/mount-table.ts';
import { isBelow, joinBelow, relativeTo } from '../storage/path-relation.ts';
import type { WantedPath } from '../storage/wanted-paths.ts';
import { likeBase, ownSuperblocks } from './decide-base.ts';
import type { TakenOff } from './memory.ts';
import type { Place, RecoveryBase, Target } from './recovery-world.ts';

/**
 * Jobs whose storage recovery looks after: those that run, the next ones in the worker's order, whether or not they may run
 * now (a cooldown ends), and this year's annual ones, whose archive must stay readable.
 */
export function jobsLookedAfter(jobs: readonly Job[], nextJobs: number, year: number): Job[] {
  const waiting = jobs
    .filter(({ status }) => status === 'queued' || status === 'retryable')
    .sort(compareQueuePlaces)
    .slice(0, nextJobs);
  return jobs.filter(
    (job) =>
      job.status === 'running' ||
      waiting.includes(job) ||
      (job.campaignKind === 'annual' && job.campaignYear === year && job.status !== 'cancelled'),
  );
}

export interface TargetQuestion {
  readonly wanted: readonly WantedPath[];
  /** Canonical. */
  readonly rules: ExpectationRules;
  readonly base: RecoveryBase | null;
  readonly mounts: readonly Mount[];
  readonly takenOff: readonly TakenOff[];
  readonly canonicalOf: (path: string) => string;
  readonly isResolved: (path: string) => boolean;
}

/** Before it is known what was archived there. */
export type TargetPlace = Omit<Target, 'archive'>;

/**
 * Every path that recovery looks after, once: what jobs, manifest and configuration want, what an earlier run took off, and
 * every bind of the storage box below the jobs root, whoever has made it: the mount table names its directory in the box.
 */
export function recoveryTargets(question: TargetQuestion): TargetPlace[] {
  const { wanted, rules, canonicalOf, isResolved, takenOff } = question;
  const targets = new Map<string, TargetPlace>();
  const add = (target: TargetPlace): void => {
    if (!targets.has(target.path)) targets.set(target.path, target);
  };
  const binds = bindsOf(
    question,
    wanted.map(({ path }) => canonicalOf(path)),
  );
  for (const want of wanted) {
    const path = canonicalOf(want.path);
    const owed = takenOff.find((entry) => entry.path === path && entry.coldPath !== null)?.coldPath ?? null;
    const asked = expectationFor({ ...want, path }, rules);
    const isOwed = owed !== null && placeOf(path, asked, binds).kind === 'none';
    // Nobody says so, but it was a bind of the box until recovery took it off: its directory alone would be a trap.
    const expectation = isOwed ? boundTo(path, owed) : asked;
    const place = placeOf(path, expectation, binds);
    add({
      path,
      configuredPath: want.path,
      expectation,
      place,
      jobs: want.jobs,
      isResolved: isResolved(want.path),
    });
  }
  for (const { path, coldPath, unit } of takenOff) {
    if (coldPath !== null) add(unasked(path, coldPath));
    else if (unit !== null) {
      const expectation = { kind: 'mount', mountPoint: path, unit, identity: null } as const;
      add({ ...unasked(path, ''), expectation, place: { kind: 'unit', unit } });
    }
  }
  for (const [path, coldPath] of binds) add(unasked(path, coldPath));
  return [...targets.values()];
}

function unasked(path: string, coldPath: string): TargetPlace {
  return {
    path,
    configuredPath: path,
    expectation: boundTo(path, coldPath),
    place: { kind: 'bind', coldPath },
    jobs: [],
    isResolved: true,
  };
}

function boundTo(path: string, coldPath: string): Expectation {
  return { kind: 'bind', mountPoint: path, coldPath };
}

function placeOf(path: string, expectation: Expectation, binds: ReadonlyMap<string, string>): Place {
  switch (expectation.kind) {
    case 'bind':
      return expectation.mountPoint === path
        ? { kind: 'bind', coldPath: expectation.coldPath }
        : { kind: 'below', mountPoint: expectation.mountPoint };
    case 'mount':
      return expectation.mountPoint === path
        ? { kind: 'unit', unit: expectation.unit }
        : { kind: 'below', mountPoint: expectation.mountPoint };
    case 'unplaceable':
      return { kind: 'none' };
    case 'identity':
    case 'nothing': {
      const coldPath = binds.get(path);
      return coldPath === undefined ? { kind: 'none' } : { kind: 'bind', coldPath };
    }
  }
}

/** Cold paths of what is bound from the storage box below the jobs root, by hot path. */
function bindsOf(
  { base, mounts, rules, canonicalOf }: TargetQuestion,
  wanted: readonly string[],
): ReadonlyMap<string, string> {
  const binds = new Map<string, string>();
  if (base === null) return binds;
  const table = new MountTable(mounts);
  const baseRoot = table.topmostAt(base.path)?.root ?? '/';
  const own = ownSuperblocks(
    table,
    rules.hotMounts.map(({ path }) => canonicalOf(path)),
  );
  for (const mount of likeBase(mounts, own, base)) {
    const { mountPoint, root } = mount;
    if (!isBelow(mountPoint, rules.jobsRoot) || root === baseRoot) continue;
    const below = relativeTo(root, baseRoot);
    if (below === undefined) continue;
    // Hidden under something that somebody wants there, it is no place of its own.
    if (wanted.includes(mountPoint) || table.topmostAt(mountPoint) !== undefined)
      binds.set(mountPoint, joinBelow(base.path, below));
  }
  return binds;
}
