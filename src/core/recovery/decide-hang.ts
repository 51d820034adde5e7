import { whyMisplaced } from '../tiering/bind-place.ts';
import { isSystemdAtIt, whyNotStartable } from '../units/unit-state.ts';
import { lastedMs, type RecoveryMemory } from './memory.ts';
import type { RecoveryPolicy, Repair } from './recovery-plan.ts';
import { isPlace, mayUse, type SeenWorld } from './seen-world.ts';

/**
 * Superblocks that hang for so long that their FUSE connection is to be aborted, which is the only cure and ends whoever waits
 * for them: only if everything of them hangs, requests wait, no crawl on them answers, and what dies is mounted again by us.
 */
export function decideAborts(
  seen: SeenWorld,
  policy: RecoveryPolicy,
  memory: Pick<RecoveryMemory, 'hung'>,
): Repair[] {
  const { world, table, lifeOf } = seen;
  if (policy.abortHungAfterMs === 0) return [];
  const devices = [...new Set(table.mounts.map(({ device }) => device))];
  return devices.flatMap((device): Repair[] => {
    if (lifeOf(device) !== 'hung') return [];
    const hungMs = lastedMs(memory.hung[device], world.clock) ?? 0;
    if (hungMs < policy.abortHungAfterMs || (world.waitingRequests.get(device) ?? 0) === 0) return [];
    const paths = placesToMend(device, seen);
    const [path] = paths ?? [];
    if (paths === null || path === undefined || hasAnsweringCrawl(device, seen)) return [];
    const because = `it has hung for ${Math.round(hungMs / 1000)} s, and requests are waiting`;
    return [{ path, steps: [{ kind: 'abort', path, because, device, paths }], breaks: paths.slice(1) }];
  });
}

/** Where the superblock is mounted, if recovery can mount every one of these again; else null. */
function placesToMend(device: string, seen: SeenWorld): string[] | null {
  const { world, table, base } = seen;
  const isBaseStartable = world.base === null || isStartable(world.base.unit, seen);
  const paths = new Set<string>();
  for (const mount of table.onSuperblock(device)) {
    const path = mount.mountPoint;
    const place = seen.targets.find((target) => target.path === path && isPlace(target));
    if (path === world.base?.path) {
      if (!isBaseStartable) return null;
    } else if (place === undefined || whyMisplaced(path, world) !== null) return null;
    else if (place.place.kind === 'unit' && !isStartable(place.place.unit, seen)) return null;
    else if (place.place.kind === 'bind' && base?.state !== 'healthy' && !isBaseStartable) return null;
    if (table.topmostAt(path) !== mount) return null;
    paths.add(path);
  }
  return [...paths];
}

/** A unit that systemd is at is not ended beside it. */
function isStartable(unit: string, { world }: SeenWorld): boolean {
  const state = world.units.get(unit) ?? null;
  return !isSystemdAtIt(state) && whyNotStartable(unit, state) === null;
}

function hasAnsweringCrawl(device: string, { world, table, targets }: SeenWorld): boolean {
  return world.crawls.some((crawl) => {
    if (!mayUse(crawl, device)) return false;
    if (crawl.device === null && table.covering(crawl.outputDir)?.device !== device) return true;
    return targets.find(({ path }) => path === crawl.outputDir)?.report.state === 'healthy';
  });
}
