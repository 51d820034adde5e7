import { type Refusal, refuse } from '../plan.ts';
import type { BaseReport } from '../storage/base.ts';
import type { Mount } from '../storage/mountinfo.ts';
import type { MountTable } from '../storage/mount-table.ts';
import { verifyStep } from '../tiering/bind-place.ts';
import { isSystemdAtIt, unitActivity, whyNotStartable } from '../units/unit-state.ts';
import { insideOf, whyNotAlong } from './clear-place.ts';
import type { Decision, Repair } from './recovery-plan.ts';
import type { RecoveryBase } from './recovery-world.ts';
import { isOutOfSight, mayLive, mayUse, type SeenWorld } from './seen-world.ts';

/** The base is restarted only if it is itself dead or missing, and if everything that dies with it is mounted again by us. */
export function decideBase(seen: SeenWorld): Decision {
  const { base: report, world } = seen;
  const { base } = world;
  if (base === null || report === null || report.state === 'healthy') return { kind: 'nothing' };
  const { path, unit } = base;
  const { state, reason: because } = report;
  const unitState = world.units.get(unit) ?? null;
  if (isSystemdAtIt(unitState) && ['dead', 'missing', 'hung', 'degraded'].includes(state)) {
    const wait = { kind: 'wait', path, because: `${because}; systemd is at ${unit} already`, unit } as const;
    return repair({ path, steps: [wait], breaks: [] });
  }
  if (state !== 'dead' && state !== 'missing')
    return refused(refuse(base, { code: `storage_${state}`, because }));
  if (state === 'dead' && report.mount !== null && mayLive(report.mount.device, seen))
    return refused(
      refuse(base, { code: 'unconfirmed', because: 'one lookup says that it is dead, another one does not' }),
    );
  const notStartable = whyNotStartable(unit, unitState);
  if (notStartable !== null) return refused(refuse(base, notStartable, notStartable.code === 'unit_unknown'));
  const end = whatEnds(seen, base, report);
  if (typeof end === 'string') return refused(refuse(base, { code: 'base_in_use', because: end }, true));
  const restart = { kind: 'restart', path, because, unit, outer: null } as const;
  return repair({ path, steps: [restart, verifyStep(path)], breaks: end });
}

const repair = (it: Repair): Decision => ({ kind: 'repair', repair: it });
const refused = (refusal: Refusal): Decision => ({ kind: 'refused', refusal });

/**
 * What lives and ends with a restart of the base: places to be mounted again, each by its path. A sentence if something of
 * it is a crawl's, or can't be mounted again.
 */
function whatEnds(seen: SeenWorld, base: RecoveryBase, report: BaseReport): readonly string[] | string {
  const { world, table } = seen;
  const served = servedSuperblocks(seen, base, report);
  const crawl = world.crawls.find((one) => [...served].some((device) => mayUse(one, device)));
  if (crawl !== undefined)
    return `crawl ${crawl.attempt} may use what the base’s process still serves; the base is restarted when it has ended`;
  const unseen = unitRuns(seen, base.unit) ? world.crawls.find((one) => isOutOfSight(one, seen)) : undefined;
  if (unseen !== undefined)
    return `crawl ${unseen.attempt} works on a mount that is not to be seen any more, which the base’s process may serve`;
  const broken = new Set<string>();
  for (const mount of world.mounts) {
    if (!served.has(mount.device) || mount.mountPoint === base.path) continue;
    const place = seen.targets.find(({ path }) => path === mount.mountPoint);
    const isOurs = place?.place.kind === 'bind' && table.topmostAt(mount.mountPoint) === mount;
    if (!isOurs)
      return `${mount.mountPoint}, which would end with it, is nothing that recovery could mount again`;
    const all = insideOf([mount], table);
    const inside = all.find((inner) => whyNotAlong(inner, [mount, ...all], seen) !== null);
    if (inside !== undefined)
      return `${inside.mountPoint}, inside ${mount.mountPoint}, is nothing that recovery could mount again`;
    broken.add(mount.mountPoint);
  }
  return [...broken];
}

/** Superblocks that may live and that the restart ends: layers at the base's own path, and what its process serves elsewhere. */
function servedSuperblocks(seen: SeenWorld, base: RecoveryBase, report: BaseReport): ReadonlySet<string> {
  const layers = seen.table.stackAt(report.path);
  const elsewhere = unitRuns(seen, base.unit)
    ? likeBase(seen.world.mounts, ownSuperblocks(seen.table, unitPlacesOf(seen)), base)
    : [];
  return new Set(
    [...layers, ...elsewhere].map(({ device }) => device).filter((device) => mayLive(device, seen)),
  );
}

/** A unit that does not run has no process left that could serve anything. */
function unitRuns({ world }: SeenWorld, unit: string): boolean {
  const state = world.units.get(unit) ?? null;
  return state === null || unitActivity(state) !== 'down';
}

/** Superblocks that units of their own mount on hot paths: whole, and nowhere else. */
export function ownSuperblocks(table: MountTable, unitPlaces: readonly string[]): ReadonlySet<string> {
  const places = new Set(unitPlaces);
  const layers = unitPlaces.flatMap((path) => table.stackAt(path));
  const own = layers.filter(({ device }) =>
    table.onSuperblock(device).every(({ mountPoint, root }) => places.has(mountPoint) && root === '/'),
  );
  return new Set(own.map(({ device }) => device));
}

export function unitPlacesOf({ targets }: SeenWorld): string[] {
  return targets.filter(({ place }) => place.kind === 'unit').map(({ path }) => path);
}

/**
 * Mounts anywhere that may come from the base's process: of its file system type and of one source with a layer of the base or
 * with something that is bound from inside such a file system; but not what a unit of its own mounts.
 */
export function likeBase(
  mounts: readonly Mount[],
  own: ReadonlySet<string>,
  base: Pick<RecoveryBase, 'path' | 'fstype'>,
): Mount[] {
  const candidates = mounts.filter(({ fstype, device }) => fstype === base.fstype && !own.has(device));
  const sources = new Set(
    candidates
      .filter(({ mountPoint, root }) => mountPoint === base.path || root !== '/')
      .map(({ source }) => source),
  );
  return candidates.filter(({ source }) => sources.has(source));
}
