import type { Mount } from './mountinfo.ts';

/*
 * What came and went between two looks at the mount table. The kernel gives the number of a removed mount to the next one at once
 * (storage-facts F17), also while others mount and unmount elsewhere, so a number alone says neither.
 */

/** Mounts that are there now and were not before, be it under a number that another one had. */
export function mountsMade(before: readonly Mount[], now: readonly Mount[]): Mount[] {
  const known = new Map(before.map((mount) => [mount.id, mount]));
  return now.filter((mount) => {
    const old = known.get(mount.id);
    return old === undefined || !isSameMount(old, mount);
  });
}

export function isStillThere(mount: Mount, now: readonly Mount[]): boolean {
  return now.some((other) => other.id === mount.id && isSameMount(other, mount));
}

function isSameMount(one: Mount, other: Mount): boolean {
  return (
    one.parentId === other.parentId &&
    one.device === other.device &&
    one.root === other.root &&
    one.mountPoint === other.mountPoint
  );
}
