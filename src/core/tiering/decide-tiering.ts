import { general, type Refusal, type Why } from '../plan.ts';
import { storageCondition } from '../report/conditions.ts';
import { whyNotThatArchive } from '../storage/archive.ts';
import { describeShadowed, type Shadowed } from '../storage/shadowed-data.ts';
import { isAtOrBelow, isBelow } from '../storage/path-relation.ts';
import {
  bindStep,
  unmountStep,
  verifyStep,
  whyColdMisplaced,
  whyMisplaced,
  whyStacked,
} from './bind-place.ts';
import type {
  BindStep,
  ExpectedBase,
  SecureStep,
  TieringPlan,
  TieringPolicy,
  TieringStep,
  UnmountStep,
} from './tiering-plan.ts';
import type { TieringPath, TieringWorld } from './tiering-world.ts';

/**
 * What should be mounted where, and what may be done about it now. Total: every path that is not as it should be has
 * steps, or a refusal that says why not. Nothing is unmounted without the step that mounts it again.
 */
export function decideTiering(world: TieringWorld, policy: TieringPolicy): TieringPlan {
  const refusals: Refusal[] = [];
  for (const { line, message } of world.manifestProblems) {
    // Then nobody knows what belongs where: a directory that a line binds as a whole would be filled with mounts.
    if (line === null) return { steps: [], refusals: [general('manifest_unreadable', message)] };
    const because = `manifest, line ${line}: ${message}`;
    refusals.push({ code: 'manifest_line', because, path: null, holdsBack: false });
  }
  if (world.jobsUnknownBecause !== null) {
    const because = `what annual jobs need, and what crawls on other hosts do, is not known: ${world.jobsUnknownBecause}`;
    refusals.push(general('jobs_unknown', because));
  }
  if (world.crawlsUnseenBecause !== null) {
    const because = `whether crawls run here can't be seen, so the plan is as if none did: ${world.crawlsUnseenBecause}`;
    refusals.push(general('crawls_unseen', because));
  }
  const trees: Tree[] = [];
  const done = new Map<string, 'mounted' | 'planned' | 'refused'>();
  // A path comes before those below it, which is also the order in which they are mounted.
  for (const path of [...world.paths].sort((a, b) => compare(a.path, b.path))) {
    if (done.has(path.path)) {
      const because = 'it stands for a path that is in the plan already, through a symbolic link';
      refusals.push(refuse('twice', path, because));
      continue;
    }
    const refusal = consider(path, world, policy, done);
    done.set(path.path, refusal === null ? 'planned' : refusal === 'healthy' ? 'mounted' : 'refused');
    if (refusal === null) addTo(trees, path, world);
    else if (refusal !== 'healthy') refusals.push(refusal);
  }
  for (const path of world.paths) {
    if (path.shadowed !== null) refusals.push(shadowedRefusal(path, path.shadowed));
  }
  const binds = trees.flatMap((tree) => tree.binds);
  const secures = world.paths.flatMap(secureStep);
  const verifies = [...binds, ...secures].map(({ path }) => verifyStep(path));
  const steps: TieringStep[] = [
    ...trees.flatMap(({ unmounts, binds }) => [...unmounts.toReversed(), ...binds]),
    ...secures,
    ...verifies,
  ];
  return { steps, refusals };
}

function secureStep({ path, state, isSecured, mount, coldPath }: TieringPath): SecureStep[] {
  if (state !== 'healthy' || isSecured || mount === null || coldPath === null) return [];
  const { id, device, root } = mount;
  const because = 'the right mount, but not nosuid, nodev and private';
  return [{ kind: 'secure', path, because, coldPath, expects: { id, device, root } }];
}

/** Paths inside one another: they are taken off and mounted together. */
interface Tree {
  readonly top: string;
  readonly unmounts: UnmountStep[];
  readonly binds: BindStep[];
}

function addTo(trees: Tree[], path: TieringPath, world: TieringWorld): void {
  const { coldPath, mount, state } = path;
  if (coldPath === null) return;
  let tree = trees.find(({ top }) => isAtOrBelow(path.path, top));
  if (tree === undefined) {
    tree = { top: path.path, unmounts: [], binds: [] };
    trees.push(tree);
  }
  const base = expectedBase(world);
  // Every tiered place is, or will be, a bind of the base as it is now.
  const outerPath = world.paths
    .map((other) => other.path)
    .filter((other) => isBelow(path.path, other))
    .reduce<string | null>((best, other) => (other.length > (best?.length ?? 0) ? other : best), null);
  const outer = outerPath === null || base === null ? null : { path: outerPath, device: base.device };
  const isGoingAlong = tree.unmounts.some(
    ({ path: outer, expects }) =>
      expects.state === 'dead' && expects.device === mount?.device && isBelow(path.path, outer),
  );
  if (mount !== null && (state === 'dead' || state === 'wrong_source') && !isGoingAlong)
    tree.unmounts.push(unmountStep({ ...path, because: path.reason }, mount, state, base));
  const because = state === 'missing' ? path.reason : `${coldPath} belongs there; it is on the storage box`;
  const cold = { path: coldPath, kind: path.coldKind, archive: path.archive };
  tree.binds.push(bindStep({ ...path, because }, cold, { base, outer }));
}

function expectedBase({ base }: TieringWorld): ExpectedBase {
  if (base.mount === null) return null;
  return { mountId: base.mount.id, device: base.mount.device };
}

/** What a person may say is right as it is now. */
const acceptable: ReadonlySet<string> = new Set(['archive_gone', 'other_archive']);

/** Null: it is to be mounted. */
function consider(
  path: TieringPath,
  world: TieringWorld,
  policy: TieringPolicy,
  done: ReadonlyMap<string, 'mounted' | 'planned' | 'refused'>,
): Refusal | 'healthy' | null {
  if (path.state === 'healthy') return 'healthy';
  const misplaced = path.coldPath === null ? outsideJobsRoot(world) : whyMisplaced(path.path, world);
  if (misplaced !== null) return refuse(misplaced.code, path, misplaced.because);
  const coldMisplaced = whyColdMisplaced(path.coldPath ?? '', world);
  if (coldMisplaced !== null) return refuse(coldMisplaced.code, path, coldMisplaced.because);
  const above = [...done].filter(([outer]) => isBelow(path.path, outer));
  const refusedAbove = above.find(([, state]) => state === 'refused');
  const isPlannedAbove = above.some(([, state]) => state === 'planned');
  const unsuitable = unsuitableState(path, policy, isPlannedAbove);
  if (unsuitable !== null) return unsuitable;
  if (refusedAbove !== undefined) {
    return refuse('outer_first', path, `${refusedAbove[0]}, above it, is not mounted as it should be`, true);
  }
  if (path.crawls.length > 0) {
    return refuse('crawl_running', path, `a crawl runs on it (${path.crawls.join(', ')})`, true);
  }
  const isBaseThere = world.base.state === 'healthy' && world.base.mount !== null;
  if (!isBaseThere) {
    const because = `nothing is bound from a storage box that is ${world.base.state} (${world.base.reason})`;
    return refuse('base_not_healthy', path, because, true);
  }
  if (path.state !== 'missing' && world.jobsUnknownBecause !== null) {
    return refuse('jobs_unknown', path, 'nothing is taken off while it is not known what runs on it', true);
  }
  const isAccepted =
    policy.acceptedArchives.includes(path.configuredPath) || policy.acceptedArchives.includes(path.path);
  const cold = { path: path.coldPath ?? '', kind: path.coldKind, archive: path.archive };
  const notThat = whyNotThatArchive(cold, world.base.mount.source);
  if (notThat !== null && !(isAccepted && acceptable.has(notThat.code)))
    return refuse(notThat.code, path, notThat.because);
  const top = path.layers.at(-1);
  const stacked =
    path.state === 'dead' && path.coveredBy === path.path
      ? whyStacked(path.layers, (device) => device === top)
      : null;
  if (stacked !== null) return refuse(stacked.code, path, stacked.because);
  const inner = path.inner.find((mountPoint) => !isTakenOff(mountPoint, world, policy));
  if (inner !== undefined) {
    return refuse('mounts_below', path, `${inner}, below it, is mounted and would be hidden`, true);
  }
  return null;
}

/** An annual job's output directory that no directory of the box belongs to. */
function outsideJobsRoot({ jobsRoot }: TieringWorld): Why {
  return { code: 'outside_jobs_root', because: `it does not lie below the jobs root ${jobsRoot}` };
}

/** Whether the plan takes the mount off anyhow, since it is dead or wrong itself. */
function isTakenOff(mountPoint: string, world: TieringWorld, policy: TieringPolicy): boolean {
  const path = world.paths.find((candidate) => candidate.path === mountPoint);
  if (path === undefined || path.mount === null || path.crawls.length > 0) return false;
  if (path.state !== 'dead' && path.state !== 'wrong_source') return false;
  return unsuitableState(path, policy, true) === null;
}

/** Why the state itself is none that is acted upon, as the command was called. */
function unsuitableState(path: TieringPath, policy: TieringPolicy, isRepairedAbove: boolean): Refusal | null {
  switch (path.state) {
    case 'missing':
      return null;
    case 'dead':
      // Below another dead mount there is nothing to take off; it comes back with what is mounted above.
      if (path.mount === null && path.coveredBy !== path.path && !isRepairedAbove) {
        return refuse('dead_above', path, `${path.coveredBy}, above it, is dead and is not repaired here`);
      }
      if (policy.repairStale) return null;
      return refuse('stale_mount', path, `${path.reason}; --repair-stale-mounts repairs it`);
    case 'wrong_source':
      if (path.mount === null || path.coveredBy !== path.path) {
        return refuse('wrong_source', path, `${path.reason}; nothing is mounted at the path itself`);
      }
      if (policy.repairUnexpected) return null;
      return refuse('unexpected_mount', path, `${path.reason}; --repair-unexpected-mounts replaces it`);
    case 'healthy':
      return null;
    default:
      return refuse(storageCondition(path.state), path, `${path.state}: ${path.reason}`);
  }
}

/** What is wrong with everything at once. */
function refuse(code: Refusal['code'], { path }: TieringPath, because: string, holdsBack = false): Refusal {
  return { code, because, path, holdsBack };
}

function shadowedRefusal(path: TieringPath, shadowed: Shadowed): Refusal {
  const where = 'in the local directory under it';
  return shadowed.kind === 'files'
    ? refuse('shadowed_data', path, `${describeShadowed(shadowed)} ${where}`)
    : refuse('shadowed_unknown', path, `what lies ${where} is ${describeShadowed(shadowed)}`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
