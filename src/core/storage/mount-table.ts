import type { Mount } from './mountinfo.ts';
import { PathIndex } from './path-index.ts';
import { withAncestors } from './path-relation.ts';

/** Stands for whatever the listed mounts without a listed parent are mounted on. */
const outside = -1;

/**
 * All mounts of one mount namespace, asked the way the kernel walks a path: from the root, at every name into the
 * mount that was made *on the mount the walk is in*. The longest mount point that matches is not always the answer:
 * a later mount on a parent directory hides what was mounted below it. Paths must be canonical.
 */
export class MountTable {
  readonly mounts: readonly Mount[];
  readonly #children = new Map<number, Map<string, Mount>>();
  /** Ways that were walked before: the table never changes. */
  readonly #chains = new Map<string, readonly Mount[]>();
  #index: PathIndex<Mount> | null = null;

  constructor(mounts: readonly Mount[]) {
    this.mounts = mounts;
    const listed = new Set(mounts.map((mount) => mount.id));
    for (const mount of mounts) {
      const isRoot = mount.parentId === mount.id || !listed.has(mount.parentId);
      const parent = isRoot ? outside : mount.parentId;
      const children = this.#children.get(parent) ?? new Map<string, Mount>();
      this.#children.set(parent, children);
      children.set(mount.mountPoint, mount);
    }
  }

  /**
   * Every mount a walk to the path passes through, the root first, stacked layers from the lowest to the topmost.
   */
  chain(path: string): readonly Mount[] {
    const known = this.#chains.get(path);
    if (known !== undefined) return known;
    const chain = this.#walk(path);
    this.#chains.set(path, chain);
    return chain;
  }

  #walk(path: string): Mount[] {
    const steps = withAncestors(path);
    const chain: Mount[] = [];
    let current = outside;
    for (let step = 0; step < steps.length;) {
      const next = this.#children.get(current)?.get(steps[step] ?? '');
      if (next === undefined || chain.includes(next)) {
        step += 1;
        continue;
      }
      chain.push(next);
      current = next.id;
      // A walk begins *in* the root mount, so a mount stacked on `/` is never entered.
      if (next.mountPoint === '/') step += 1;
    }
    return chain;
  }

  /** The mount whose file system answers for the path; undefined only if the table lists no root. */
  covering(path: string): Mount | undefined {
    return this.chain(path).at(-1);
  }

  /** The layers mounted at exactly this path, topmost last; a plain `umount` takes off the last one. */
  stackAt(path: string): Mount[] {
    return this.chain(path).filter((mount) => mount.mountPoint === path);
  }

  topmostAt(path: string): Mount | undefined {
    return this.stackAt(path).at(-1);
  }

  /** False for a mount that a later mount on one of its parent directories hides. */
  isReachable(mount: Mount): boolean {
    return this.chain(mount.mountPoint).includes(mount);
  }

  onSuperblock(device: string): Mount[] {
    return this.mounts.filter((mount) => mount.device === device);
  }

  /** Reachable mounts strictly below the path, in the order in which they are listed. */
  below(path: string): Mount[] {
    this.#index ??= new PathIndex(this.mounts, ({ mountPoint }) => mountPoint);
    return this.#index.below(path).filter((mount) => this.isReachable(mount));
  }
}

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
