import { MountTable } from '../storage/mount-table.ts';
import { freeDevice, withDead } from './foretell.ts';
import type { RecoveryWorld, Target } from './recovery-world.ts';

/**
 * The world as if these paths were dead, for a look at the plan on a host where all is well. The base dies with all that is
 * bound from it; a mount of its own by itself; a bind alone, as one that outlived a base that was mounted anew.
 * @returns the paths, as they were given, that are nothing recovery looks after
 */
export function simulateBroken(
  world: RecoveryWorld,
  paths: readonly string[],
): { readonly world: RecoveryWorld; readonly unknown: readonly string[] } {
  const unknown: string[] = [];
  let broken = world;
  for (const path of paths) {
    const place = placeAt(path, broken);
    const top = place === undefined ? undefined : new MountTable(broken.mounts).topmostAt(place);
    if (top === undefined) unknown.push(path);
    else if (place === world.base?.path || top.root === '/') broken = withDead(broken, new Set([top.device]));
    else {
      const device = freeDevice(broken.mounts);
      const mounts = broken.mounts.map((mount) => (mount === top ? { ...mount, device } : mount));
      broken = withDead({ ...broken, mounts }, new Set([device]));
    }
  }
  return { world: broken, unknown };
}

/** Where the mount belongs that the path lies on. */
function placeAt(path: string, { base, targets }: RecoveryWorld): string | undefined {
  const plain = path.replace(/(?<=.)\/+$/, '');
  if (plain === base?.path) return plain;
  const target = targets.find((each: Target) => each.path === plain || each.configuredPath === plain);
  return target?.place.kind === 'below' ? target.place.mountPoint : target?.path;
}
