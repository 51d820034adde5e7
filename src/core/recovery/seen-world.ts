import { type Base, type BaseReport, judgeBase, locateBase } from '../storage/base.ts';
import { stateOfErrno } from '../storage/path-state.ts';
import { judgePath } from '../storage/judge.ts';
import type { Lookup } from '../storage/lookup.ts';
import type { Mount } from '../storage/mountinfo.ts';
import { MountTable } from '../storage/mount-table.ts';
import { isNetworkFileSystem } from '../storage/network-file-system.ts';
import { isBelow } from '../storage/path-relation.ts';
import type { PathReport } from '../storage/path-report.ts';
import { onLocalDisk, type RecoveryWorld, type RunningCrawl, type Target } from './recovery-world.ts';

/**
 * How a superblock is. `unconfirmed`: one lookup says that it is dead, another one does not. `alive` comprises everything that
 * answers, also with a refusal. `unseen`: nobody has looked, or it has no mount that can be looked at.
 */
export type Life = 'alive' | 'dead' | 'unconfirmed' | 'hung' | 'degraded' | 'unseen';

export interface SeenTarget extends Target {
  readonly report: PathReport;
}

/** The world with everything judged that can be judged of each path and superblock by itself. */
export interface SeenWorld {
  readonly world: RecoveryWorld;
  readonly table: MountTable;
  readonly base: BaseReport | null;
  /** Outer before inner. */
  readonly targets: readonly SeenTarget[];
  readonly lifeOf: (device: string) => Life;
  /** The bind or unit places that the path lies strictly below, from the outermost. */
  readonly outerPlacesOf: (path: string) => readonly SeenTarget[];
}

export function seeWorld(world: RecoveryWorld): SeenWorld {
  const table = new MountTable(world.mounts);
  const located = world.base && locateBase(table, world.base.path, world.base.fstype);
  const lives = livesOf(world, table);
  const targets = world.targets
    .map((target): SeenTarget => ({ ...target, report: reportOf(target, world, table, located) }))
    .sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
  const places = targets.filter(isPlace);
  return {
    world,
    table,
    base: located && baseReport(located, world, table),
    targets,
    lifeOf: (device) => lives.get(device) ?? 'unseen',
    outerPlacesOf: (path) => places.filter((place) => isBelow(path, place.path)),
  };
}

export function isPlace({ place }: Target): boolean {
  return place.kind === 'bind' || place.kind === 'unit';
}

/** Not known to be confirmed dead, so that ending it could end somebody. */
export function mayLive(device: string, { lifeOf }: SeenWorld): boolean {
  return lifeOf(device) !== 'dead';
}

export function mayUse(crawl: RunningCrawl, device: string): boolean {
  return crawl.device === null || crawl.device === device;
}

/** Its superblock is not known, or hidden, or no longer in the mount table: nobody can say which process serves it. */
export function isOutOfSight({ device }: RunningCrawl, { lifeOf, table }: SeenWorld): boolean {
  if (device === null) return true;
  if (device === onLocalDisk || lifeOf(device) !== 'unseen') return false;
  return table.onSuperblock(device).every(({ fstype }) => isNetworkFileSystem(fstype));
}

/** Nothing that it writes arrives anywhere. */
export function isOnDeadStorage(crawl: RunningCrawl, { lifeOf }: SeenWorld): boolean {
  return crawl.device !== null && lifeOf(crawl.device) === 'dead';
}

function contextOf(path: string, { staleErrnos, waitingRequests }: RecoveryWorld, table: MountTable) {
  const device = table.covering(path)?.device;
  return {
    staleErrnos,
    waitingRequests: device === undefined ? null : (waitingRequests.get(device) ?? null),
  };
}

const notAsked: Lookup = { kind: 'not_asked', detail: 'it was not looked at' };

function baseReport(base: Base, world: RecoveryWorld, table: MountTable): BaseReport {
  const lookup = world.lookups.get(base.path) ?? notAsked;
  return { path: base.path, ...judgeBase(base, table, lookup, contextOf(base.path, world, table)) };
}

function reportOf(target: Target, world: RecoveryWorld, table: MountTable, base: Base | null): PathReport {
  const { path, expectation, isResolved } = target;
  const lookup = world.lookups.get(path) ?? notAsked;
  return judgePath({
    path,
    table,
    lookup,
    isResolved,
    expectation,
    base,
    ...contextOf(path, world, table),
  });
}

function livesOf(world: RecoveryWorld, table: MountTable): Map<string, Life> {
  const lives = new Map<string, Life>();
  for (const [path, lookup] of world.lookups) {
    const said = superblockAnswer(path, lookup, table, world.staleErrnos);
    if (said === null) continue;
    lives.set(said.device, together(lives.get(said.device), said.life));
  }
  for (const [device, life] of lives) {
    if (life === 'dead' && !world.confirmedDead.has(device)) lives.set(device, 'unconfirmed');
  }
  return lives;
}

/** Two answers of one superblock: only when all say so is it dead. */
function together(one: Life | undefined, other: Life): Life {
  if (one === undefined || one === other) return other;
  if (one === 'alive' || other === 'alive')
    return one === 'dead' || other === 'dead' ? 'unconfirmed' : 'alive';
  return one === 'dead' || other === 'dead' ? 'unconfirmed' : 'hung';
}

function superblockAnswer(
  path: string,
  lookup: Lookup,
  table: MountTable,
  staleErrnos: readonly string[],
): { readonly device: string; readonly life: Life } | null {
  if (lookup.kind === 'failed_at') {
    const failing = table.chain(path).findLast(({ mountPoint }) => mountPoint === lookup.mountPoint);
    return failing === undefined ? null : lifeBy(failing, lookup.lookup, staleErrnos);
  }
  const covering = table.covering(path);
  return covering === undefined ? null : lifeBy(covering, lookup, staleErrnos);
}

function lifeBy(mount: Mount, lookup: Lookup, staleErrnos: readonly string[]) {
  const { device } = mount;
  switch (lookup.kind) {
    case 'answered':
      return { device, life: 'alive' as const };
    case 'timed_out':
    case 'still_blocked':
      return isNetworkFileSystem(mount.fstype) ? { device, life: 'hung' as const } : null;
    case 'error': {
      const state = stateOfErrno(lookup.errno, staleErrnos);
      const life: Life = state === 'dead' || state === 'degraded' ? state : 'alive';
      return { device, life };
    }
    case 'failed_at':
    case 'not_asked':
      return null;
  }
}
