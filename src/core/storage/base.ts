import { describeSlowness, judgeLookup, type Lookup, type LookupContext } from './lookup.ts';
import type { Mount } from './mountinfo.ts';
import type { MountTable } from './mount-table.ts';
import { type MountSummary, type StorageVerdict, summariseMountAt } from './path-report.ts';

/** Where the storage box is mounted, or should be. */
export interface Base {
  /** Canonical. */
  readonly path: string;
  readonly fstype: string;
  /** The topmost mount at the path, if it has the type; else null. */
  readonly mount: Mount | null;
  /** A mount of another type that lies over one of the right type. */
  readonly hiddenBy: Mount | null;
}

export interface BaseReport extends StorageVerdict {
  readonly path: string;
  readonly mount: MountSummary | null;
}

export function locateBase(table: MountTable, path: string, fstype: string): Base {
  const stack = table.stackAt(path);
  const top = stack.at(-1) ?? null;
  if (top?.fstype === fstype) return { path, fstype, mount: top, hiddenBy: null };
  return { path, fstype, mount: null, hiddenBy: stack.some((mount) => mount.fstype === fstype) ? top : null };
}

/**
 * The base without its mount is an empty local directory that answers every lookup: the mount table decides first.
 * A local disk at the mount point is no fault of its own, the base is just not on it.
 */
export function judgeBase(
  base: Base,
  table: MountTable,
  lookup: Lookup,
  context: LookupContext,
): StorageVerdict & Pick<BaseReport, 'mount'> {
  const mount = summariseMountAt(table, base.path);
  if (base.hiddenBy) {
    const reason = `a mount of type ${base.hiddenBy.fstype} lies over the ${base.fstype} one`;
    return { state: 'wrong_source', errno: null, reason, mount };
  }
  if (!base.mount) {
    return { state: 'missing', errno: null, reason: `no ${base.fstype} file system is mounted`, mount };
  }
  const failure = judgeLookup(lookup, context);
  if (failure) return { ...failure, mount };
  if (isReadOnly(base.mount)) {
    return { state: 'unwritable', errno: 'EROFS', reason: 'mounted read-only', mount };
  }
  const layers = table.stackAt(base.path).length;
  const stacked = layers > 1 ? `; ${layers} mounts are stacked here` : '';
  const reason = `mounted, and a random name was looked up in time${describeSlowness(lookup)}${stacked}`;
  return { state: 'healthy', errno: null, reason, mount };
}

export function isReadOnly(mount: Mount): boolean {
  return mount.options.includes('ro') || mount.superOptions.includes('ro');
}
