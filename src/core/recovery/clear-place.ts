import type { Why } from '../plan.ts';
import type { Mount } from '../storage/mountinfo.ts';
import { MountTable } from '../storage/mount-table.ts';
import { isBelow, isNear } from '../storage/path-relation.ts';
import { unmountStep, whyStacked } from '../tiering/bind-place.ts';
import type { UnmountStep } from '../tiering/tiering-plan.ts';
import { isPlace, mayUse, type SeenTarget, type SeenWorld } from './seen-world.ts';

export interface Clearing {
  readonly unmounts: readonly UnmountStep[];
  /** Superblocks of what is taken off. */
  readonly devices: ReadonlySet<string>;
  readonly problem: Why | null;
}

/** What has to be taken off before the place can be mounted: its dead layers; and what lies dead where it would be hidden. */
export function clearPlace(target: SeenTarget, seen: SeenWorld): Clearing {
  const { path, report } = target;
  const { table } = seen;
  const layers = report.state === 'dead' ? table.stackAt(path) : [];
  const along = insideOf(layers, table);
  const problem =
    whyStacked(
      layers.map(({ device }) => device),
      (device) => seen.lifeOf(device) === 'dead',
    ) ?? firstProblem(along, (mount) => whyNotAlong(mount, [...layers, ...along], seen));
  const left = new MountTable(
    table.mounts.filter((mount) => !layers.includes(mount) && !along.includes(mount)),
  );
  const hidden = outermost(left.below(path), left);
  const cleared = [...layers, ...along, ...hidden];
  const own =
    report.mount === null || layers.length === 0
      ? []
      : [
          unmountStep(
            { ...target, because: report.reason },
            report.mount,
            'dead',
            expectedBase(target, seen),
            along.map(({ mountPoint }) => mountPoint),
          ),
        ];
  const inner = layers.length > 0 ? [] : hidden.map((mount) => innerUnmount(mount, left));
  return {
    unmounts: [...inner, ...own],
    devices: new Set(cleared.map(({ device }) => device)),
    problem: problem ?? firstProblem(hidden, (mount) => whyHidden(mount, layers.length > 0, left, seen)),
  };
}

function expectedBase({ place }: SeenTarget, { base }: SeenWorld): UnmountStep['expects']['base'] {
  if (place.kind !== 'bind' || !base?.mount) return null;
  return { mountId: base.mount.id, device: base.mount.device };
}

function firstProblem(mounts: readonly Mount[], problemOf: (mount: Mount) => Why | null): Why | null {
  for (const mount of mounts) {
    const problem = problemOf(mount);
    if (problem !== null) return problem;
  }
  return null;
}

/** Whatever is mounted in these mounts, and in that again: a lazy unmount takes it along. */
export function insideOf(layers: readonly Mount[], { mounts }: MountTable): Mount[] {
  const found: Mount[] = [];
  let ids = new Set(layers.map(({ id }) => id));
  while (ids.size > 0) {
    const next = mounts.filter(
      (mount) =>
        ids.has(mount.parentId) &&
        mount.id !== mount.parentId &&
        !layers.includes(mount) &&
        !found.includes(mount),
    );
    found.push(...next);
    ids = new Set(next.map(({ id }) => id));
  }
  return found;
}

/**
 * Nobody reaches it through the dead mount; it goes along if nobody uses it and recovery can mount it again. A crawl that has its
 * place elsewhere on the same superblock loses nothing by it, as long as that stays mounted somewhere.
 * @param gone all that is taken off with it
 */
export function whyNotAlong(mount: Mount, gone: readonly Mount[], seen: SeenWorld): Why | null {
  const { mountPoint, device } = mount;
  if (seen.lifeOf(device) === 'dead') return null;
  const staysMounted = seen.table.onSuperblock(device).some((other) => !gone.includes(other));
  const crawl = seen.world.crawls.find(
    (one) => mayUse(one, device) && (!staysMounted || isNear(one.outputDir, mountPoint)),
  );
  if (crawl !== undefined)
    return { code: 'crawl_running', because: `crawl ${crawl.attempt} may use ${mountPoint}, inside it` };
  const isOurs = seen.targets.some((target) => target.path === mountPoint && isPlace(target));
  if (isOurs) return null;
  return {
    code: 'mounts_below',
    because: `${mountPoint} is mounted inside it, and nothing says how to mount that again`,
  };
}

/** What lies below the path on the directory that would be covered. Only what is dead, and a place of ours, is taken off. */
function whyHidden(mount: Mount, isUnderDead: boolean, left: MountTable, seen: SeenWorld): Why | null {
  const { mountPoint } = mount;
  const isOurs = seen.targets.some((target) => target.path === mountPoint && isPlace(target));
  const stack = left.stackAt(mountPoint);
  const isDead = [...stack, ...insideOf(stack, left)].every(({ device }) => seen.lifeOf(device) === 'dead');
  if (!isUnderDead && isOurs && isDead) return null;
  return { code: 'mounts_below', because: `${mountPoint}, below it, is mounted and would be hidden` };
}

/** The topmost mount of each place that lies in no other of them. */
function outermost(mounts: readonly Mount[], table: MountTable): Mount[] {
  const points = [...new Set(mounts.map(({ mountPoint }) => mountPoint))];
  return points
    .filter((point) => !points.some((other) => isBelow(point, other)))
    .flatMap((point) => table.topmostAt(point) ?? []);
}

function innerUnmount(mount: Mount, table: MountTable): UnmountStep {
  const { mountPoint: path, id, device, fstype, source, root } = mount;
  const summary = { id, device, fstype, source, root, layers: table.stackAt(path).length };
  const because = 'dead, and in the way of what belongs above it; it is mounted again after that';
  const along = insideOf(table.stackAt(path), table).map((inside) => inside.mountPoint);
  return unmountStep({ path, configuredPath: path, because }, summary, 'dead', null, along);
}
