import type { Lookup } from '../../core/storage/lookup.ts';
import type { MountTable } from '../../core/storage/mount-table.ts';
import { isNetworkFileSystem } from '../../core/storage/network-file-system.ts';
import { askChild, type AskOptions } from './ask-child.ts';

/** Paths as the mount table has them. What could not be resolved stays as it was asked. */
export interface CanonicalPaths {
  /** With the links in its parent resolved; the last name is kept, even if it is a link. */
  readonly of: (path: string) => string;
  /** With all links resolved. */
  readonly ofDirectory: (path: string) => string;
  /** Why the path could not be resolved; null if it was. */
  readonly failureOf: (path: string) => Lookup | null;
}

/** Stands for any name in a directory whose own last name is to be resolved too. */
const anyName = '/-';

/**
 * Resolves symbolic links as far as local file systems reach. Nothing at or below a network mount is touched, so no
 * mount can block it: a link inside network storage is not followed.
 */
export async function canonicalise(
  paths: readonly string[],
  directories: readonly string[],
  table: MountTable,
  options: Omit<AskOptions, 'mount'>,
): Promise<CanonicalPaths> {
  const asked = [...new Set([...paths, ...directories.map((path) => path + anyName)])];
  const resolved = new Map<string, string>();
  const failures = new Map<string, Lookup>();
  if (asked.length > 0) {
    const stopAt = table.mounts
      .filter((mount) => isNetworkFileSystem(mount.fstype))
      .map((mount) => mount.mountPoint);
    const run = await askChild(
      { operation: 'canonicalise', paths: asked, stopAt },
      { ...options, mount: null },
    );
    for (const answer of run.answers) {
      if (answer.kind === 'canonical') resolved.set(asked[answer.id] ?? '', answer.path);
      if (answer.kind === 'error')
        failures.set(asked[answer.id] ?? '', { kind: 'error', errno: answer.errno });
    }
    const detail =
      run.ended.kind === 'not_asked' ? run.ended.detail : 'the local disk did not answer in time';
    for (const path of asked) {
      if (!resolved.has(path) && !failures.has(path)) failures.set(path, { kind: 'not_asked', detail });
    }
  }
  return {
    of: (path) => resolved.get(path) ?? path,
    ofDirectory: (path) => resolved.get(path + anyName)?.slice(0, -anyName.length) ?? path,
    failureOf: (path) => failures.get(path) ?? failures.get(path + anyName) ?? null,
  };
}
