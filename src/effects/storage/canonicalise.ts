import type { MountTable } from '../../core/storage/mount-table.ts';
import { isNetworkFileSystem } from '../../core/storage/network-file-system.ts';
import { askChild, type AskOptions } from './ask-child.ts';

export type CanonicalPath =
  | { readonly kind: 'canonical'; readonly path: string }
  | { readonly kind: 'error'; readonly errno: string }
  | { readonly kind: 'not_asked'; readonly detail: string };

/**
 * Resolves symbolic links in the parent of each path, as far as local file systems reach. Nothing at or below a network mount is
 * touched, so no mount can block it: a link inside network storage is not followed.
 */
export async function canonicalise(
  paths: readonly string[],
  table: MountTable,
  options: Omit<AskOptions, 'mount'>,
): Promise<Map<string, CanonicalPath>> {
  const asked = [...new Set(paths)];
  if (asked.length === 0) return new Map();
  const stopAt = table.mounts
    .filter((mount) => isNetworkFileSystem(mount.fstype))
    .map((mount) => mount.mountPoint);
  const run = await askChild(
    { operation: 'canonicalise', paths: asked, stopAt },
    { ...options, mount: null },
  );
  const result = new Map<string, CanonicalPath>();
  for (const answer of run.answers) {
    if (answer.kind !== 'canonical' && answer.kind !== 'error') continue;
    const path = asked[answer.id];
    if (path === undefined) continue;
    const { kind } = answer;
    result.set(path, kind === 'canonical' ? { kind, path: answer.path } : { kind, errno: answer.errno });
  }
  const detail = run.ended.kind === 'not_asked' ? run.ended.detail : 'the local disk did not answer in time';
  for (const path of asked) if (!result.has(path)) result.set(path, { kind: 'not_asked', detail });
  return result;
}
