/** The world as it will be if every step works: for dry runs, and to test that planning again plans nothing. */
import type { Lookup } from '../storage/lookup.ts';
import type { Mount } from '../storage/mountinfo.ts';
import { MountTable } from '../storage/mount-table.ts';
import { isNetworkFileSystem } from '../storage/network-file-system.ts';
import { joinBelow, relativeTo } from '../storage/path-relation.ts';
import type { UnitState } from '../units/unit-state.ts';
import { likeBase, ownSuperblocks, unitPlacesOf } from './decide-base.ts';
import { insideOf } from './clear-place.ts';
import { decideRecovery } from './decide-round.ts';
import type { Past } from './limits.ts';
import type { RecoveryPlan, RecoveryPolicy, RecoveryStep } from './recovery-plan.ts';
import type { RecoveryWorld, Target } from './recovery-world.ts';
import { rememberBegun, rememberEnded, rememberSeen } from './remember.ts';
import { seeWorld } from './seen-world.ts';

/** More than any world needs; a bound, so that nothing goes round for ever. */
export const maxRounds = 12;

/**
 * The rounds to come if every step works, what is held back included; the last one has no steps. The first is what would be
 * done now.
 */
export function foretellRounds(world: RecoveryWorld, policy: RecoveryPolicy, past: Past): RecoveryPlan[] {
  const rounds: RecoveryPlan[] = [];
  let seen = seeWorld(world);
  let memory = rememberSeen(past.memory, seen, past.nowMs);
  while (rounds.length < maxRounds) {
    const plan = decideRecovery(seen, policy, { ...past, memory });
    rounds.push(plan);
    const steps = [...plan.steps, ...plan.held];
    if (steps.length === 0) break;
    memory = rememberBegun(memory, past.run, steps, seen, past.nowMs);
    const results = steps.map((step) => ({ step, outcome: 'done' as const, error: null, durationMs: 0 }));
    memory = rememberEnded(memory, results, past.nowMs);
    seen = seeWorld(foretell(seen.world, steps));
    memory = rememberSeen(memory, seen, past.nowMs);
  }
  return rounds;
}

export function foretell(world: RecoveryWorld, steps: readonly RecoveryStep[]): RecoveryWorld {
  return steps.reduce(after, world);
}

function after(world: RecoveryWorld, step: RecoveryStep): RecoveryWorld {
  switch (step.kind) {
    case 'verify':
      return world;
    case 'interrupt':
      return { ...world, crawls: world.crawls.filter(({ attempt }) => attempt !== step.attempt) };
    case 'wait':
    case 'restart':
      return unitMounts(step.kind === 'restart' ? unitEnds(world, step.unit) : world, step);
    case 'abort':
      return aborted(world, step.device);
    case 'unmount':
      return withMounts(world, withoutStack(world.mounts, step.path, step.expects.layers));
    case 'bind':
      return bound(world, step.path, step.coldPath);
  }
}

/** The processes of the unit end, and with them whatever they serve. */
function unitEnds(world: RecoveryWorld, unit: string): RecoveryWorld {
  const { base } = world;
  if (base?.unit !== unit) return world;
  const seen = seeWorld(world);
  const served = likeBase(world.mounts, ownSuperblocks(seen.table, unitPlacesOf(seen)), base).map(
    ({ device }) => device,
  );
  const atBase = seen.table.stackAt(base.path).map(({ device }) => device);
  return withDead(world, new Set([...served, ...atBase]));
}

function unitMounts(world: RecoveryWorld, { path, unit }: { path: string; unit: string }): RecoveryWorld {
  const { base } = world;
  const target = world.targets.find((candidate) => candidate.path === path);
  const old = world.mounts.findLast(({ mountPoint }) => mountPoint === path);
  const like =
    base?.path === path
      ? { fstype: base.fstype, source: old?.source ?? 'storage box', root: old?.root ?? '/' }
      : mountOfUnit(target);
  const cleared = withMounts(world, withoutStack(world.mounts, path, Number.POSITIVE_INFINITY));
  return withMounts(withUnit(cleared, unit, { active: 'active', sub: 'running' }), [
    ...cleared.mounts,
    newMount(cleared.mounts, path, { ...like, device: freeDevice(cleared.mounts) }),
  ]);
}

function mountOfUnit(target: Target | undefined): Pick<Mount, 'fstype' | 'source' | 'root'> {
  const expectation = target?.expectation;
  if (expectation?.kind === 'mount' && expectation.identity?.kind === 'mount') return expectation.identity;
  return { fstype: 'fuse.sshfs', source: 'own mount', root: '/' };
}

/** Whoever waits is free; sshfs ends, and where systemd minds it, its unit is started again. */
function aborted(world: RecoveryWorld, device: string): RecoveryWorld {
  const { base } = world;
  const dead = withDead(world, new Set([device]));
  const isBase = world.mounts.some((mount) => mount.device === device && mount.mountPoint === base?.path);
  if (base === null || !isBase) return dead;
  const gone = withMounts(dead, withoutStack(dead.mounts, base.path, 1));
  return withUnit(gone, base.unit, { active: 'activating', sub: 'auto-restart' });
}

function bound(world: RecoveryWorld, path: string, coldPath: string): RecoveryWorld {
  const { base, mounts } = world;
  const baseMount = base && new MountTable(mounts).topmostAt(base.path);
  const below = base && relativeTo(coldPath, base.path);
  if (base === null || !baseMount || below === null || below === undefined) return world;
  const { fstype, source, device } = baseMount;
  const root = joinBelow(baseMount.root, below);
  return withMounts(world, [...mounts, newMount(mounts, path, { fstype, source, device, root })]);
}

function newMount(
  mounts: readonly Mount[],
  mountPoint: string,
  like: Pick<Mount, 'fstype' | 'source' | 'root' | 'device'>,
): Mount {
  return {
    ...like,
    id: 1 + Math.max(0, ...mounts.map(({ id }) => id)),
    parentId: new MountTable(mounts).covering(mountPoint)?.id ?? 0,
    mountPoint,
    options: ['rw', 'nosuid', 'nodev'],
    superOptions: ['rw'],
    isShared: false,
    deleted: false,
  };
}

export function freeDevice(mounts: readonly Mount[]): string {
  return `0:${1 + Math.max(0, ...mounts.map(({ device }) => Number(device.split(':')[1])))}`;
}

/** Without the topmost layers at the path, and without what is mounted inside them. */
function withoutStack(mounts: readonly Mount[], path: string, layers: number): Mount[] {
  const table = new MountTable(mounts);
  const taken = table.stackAt(path).slice(layers === Number.POSITIVE_INFINITY ? 0 : -layers);
  const gone = new Set([...taken, ...insideOf(taken, table)]);
  return mounts.filter((mount) => !gone.has(mount));
}

function withUnit(
  world: RecoveryWorld,
  unit: string,
  change: Pick<UnitState, 'active' | 'sub'>,
): RecoveryWorld {
  const before = world.units.get(unit);
  if (!before) return world;
  return { ...world, units: new Map([...world.units, [unit, { ...before, ...change }]]) };
}

export function withDead(world: RecoveryWorld, devices: ReadonlySet<string>): RecoveryWorld {
  const confirmedDead = new Set([...world.confirmedDead, ...devices]);
  const table = new MountTable(world.mounts);
  const lookups = new Map(
    [...world.lookups].map(([path, lookup]): [string, Lookup] => {
      const isOn = table.chain(path).some(({ device }) => devices.has(device));
      return [path, isOn ? lookupOn(path, table, confirmedDead, lookup, staleErrnoOf(world)) : lookup];
    }),
  );
  return { ...world, confirmedDead, lookups };
}

/** Where the way to a path goes through other mounts now, what is on the way answers for it. */
function withMounts(world: RecoveryWorld, mounts: readonly Mount[]): RecoveryWorld {
  const before = new MountTable(world.mounts);
  const table = new MountTable(mounts);
  const wayTo = (of: MountTable, path: string): string =>
    of
      .chain(path)
      .map(({ id }) => id)
      .join();
  const lookups = new Map(
    [...world.lookups].map(([path, lookup]): [string, Lookup] => {
      if (wayTo(before, path) === wayTo(table, path)) return [path, lookup];
      return [path, lookupOn(path, table, world.confirmedDead, null, staleErrnoOf(world))];
    }),
  );
  const devices = new Set(mounts.map(({ device }) => device));
  const confirmedDead = new Set([...world.confirmedDead].filter((device) => devices.has(device)));
  return { ...world, mounts, lookups, confirmedDead };
}

const answered: Lookup = { kind: 'answered', path: 'directory' };

function lookupOn(
  path: string,
  table: MountTable,
  dead: ReadonlySet<string>,
  otherwise: Lookup | null,
  staleErrno: string,
): Lookup {
  const failing = table
    .chain(path)
    .filter(({ fstype, mountPoint }, index, chain) => {
      const isHiddenLayer = chain[index + 1]?.mountPoint === mountPoint;
      return isNetworkFileSystem(fstype) && !isHiddenLayer;
    })
    .find(({ device }) => dead.has(device));
  if (failing === undefined) return otherwise ?? answered;
  const lookup = { kind: 'error', errno: staleErrno } as const;
  return failing.mountPoint === path ? lookup : { kind: 'failed_at', mountPoint: failing.mountPoint, lookup };
}

function staleErrnoOf({ staleErrnos }: RecoveryWorld): string {
  return staleErrnos[0] ?? 'ENOTCONN';
}
