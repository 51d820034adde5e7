import type { Refusal } from '../plan.ts';
import { describeShadowed, type ShadowedData } from '../storage/shadowed-data.ts';
import { isBelow } from '../storage/path-relation.ts';
import type {
  BindStep,
  TieringPlan,
  TieringPolicy,
  TieringStep,
  UnmountStep,
  VerifyStep,
} from './tiering-plan.ts';
import type { TieringPath, TieringWorld } from './tiering-world.ts';

/**
 * What should be mounted where, and what may be done about it now. Total: every path that is not as it should be has
 * steps, or a refusal that says why not. Nothing is unmounted without the step that mounts it again.
 */
export function decideTiering(world: TieringWorld, policy: TieringPolicy): TieringPlan {
  const refusals: Refusal[] = world.manifestProblems.map(({ line, message }) => ({
    code: 'manifest_line',
    because: `manifest${line === null ? '' : `, line ${line}`}: ${message}`,
    path: null,
    holdsBack: false,
  }));
  if (world.jobsUnknownBecause !== null) {
    refusals.push({
      code: 'jobs_unknown',
      because: `what annual jobs need is not known: ${world.jobsUnknownBecause}`,
      path: null,
      holdsBack: true,
    });
  }
  const unmounts: UnmountStep[] = [];
  const binds: BindStep[] = [];
  const seen = new Set<string>();
  // A path comes before those below it, which is also the order in which they are mounted.
  for (const path of [...world.paths].sort((a, b) => compare(a.path, b.path))) {
    const refusal = seen.has(path.path)
      ? refuse('twice', path, 'it stands for a path that is in the plan already, through a symbolic link')
      : consider(path, world, policy, binds);
    seen.add(path.path);
    if (refusal === 'healthy') continue;
    if (refusal !== null) {
      refusals.push(refusal);
      continue;
    }
    if (path.coldPath === null || world.base.mount === null) continue;
    if (path.mount !== null && (path.state === 'dead' || path.state === 'wrong_source')) {
      const { id, device, layers } = path.mount;
      const expects = { mountId: id, device, layers, state: path.state };
      unmounts.push({ kind: 'unmount', path: path.path, because: path.reason, expects });
    }
    const { id: baseMountId, device: baseDevice } = world.base.mount;
    const because =
      path.state === 'missing' ? path.reason : `${path.coldPath} belongs there; it is on the storage box`;
    const expects = { baseMountId, baseDevice };
    binds.push({ kind: 'bind', path: path.path, because, coldPath: path.coldPath, expects });
  }
  for (const path of world.paths) {
    if (path.shadowed !== null) refusals.push(shadowedRefusal(path, path.shadowed));
  }
  const verifies = binds.map(({ path }): VerifyStep => ({
    kind: 'verify',
    path,
    because: 'mounted is not yet usable: state, identity and a written file as the worker’s user',
  }));
  const steps: TieringStep[] = [...unmounts.toReversed(), ...binds, ...verifies];
  return { steps, refusals };
}

/** Null: it is to be mounted. */
function consider(
  path: TieringPath,
  world: TieringWorld,
  policy: TieringPolicy,
  before: readonly BindStep[],
): Refusal | 'healthy' | null {
  if (path.state === 'healthy') return 'healthy';
  if (path.coldPath === null || !isBelow(path.path, world.jobsRoot)) {
    return refuse('outside_jobs_root', path, `it does not lie below the jobs root ${world.jobsRoot}`);
  }
  if (!isBelow(path.coldPath, world.basePath)) {
    const because = `its cold path ${path.coldPath} does not lie on the storage box ${world.basePath}`;
    return refuse('outside_storage_box', path, because);
  }
  const isRepairedAbove = before.some((step) => isBelow(path.path, step.path));
  const unsuitable = unsuitableState(path, policy, isRepairedAbove);
  if (unsuitable !== null) return unsuitable;
  if (path.crawls.length > 0) {
    return refuse('crawl_running', path, `a crawl runs on it (${path.crawls.join(', ')})`, true);
  }
  if (world.base.state !== 'healthy' || world.base.mount === null) {
    const because = `nothing is bound from a storage box that is ${world.base.state} (${world.base.reason})`;
    return refuse('base_not_healthy', path, because, true);
  }
  return null;
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
    default:
      return refuse(`storage_${path.state}`, path, `${path.state}: ${path.reason}`);
  }
}

function refuse(code: string, { path }: TieringPath, because: string, holdsBack = false): Refusal {
  return { code, because, path, holdsBack };
}

function shadowedRefusal(path: TieringPath, shadowed: ShadowedData): Refusal {
  return refuse('shadowed_data', path, `${describeShadowed(shadowed)} in the local directory under it`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
