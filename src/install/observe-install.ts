import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { OperatorError } from '../core/errors.ts';
import type { Found, InstallWorld } from '../core/install/decide-install.ts';
import type { Ids, Wanted } from '../core/install/layout.ts';
import type { MountTable } from '../core/storage/mount-table.ts';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import { readMountTable } from '../effects/read-mounts.ts';
import { readPlainFile } from '../effects/small-file.ts';
import { needReload } from '../effects/systemd.ts';
import { userIds } from '../effects/user-ids.ts';

/** What lies where something is wanted. What is on storage, or has a mount of its own, is not touched. */
export async function observeInstall(
  wanted: readonly Wanted[],
  units: readonly string[],
): Promise<InstallWorld> {
  const mounts = readMountTable();
  const paths = new Map<string, Found>();
  const users = new Map<string, Ids>();
  const releases = new Set<string>();
  for (const one of wanted) {
    if (one.kind === 'user') {
      const ids = await idsIfThere(one.name);
      if (ids !== null) users.set(one.name, ids);
    } else if (one.kind === 'release') {
      if (existsSync(one.path)) releases.add(one.path);
    } else paths.set(one.path, lookAt(one.path, mounts));
  }
  return { isRoot: process.geteuid?.() === 0, users, paths, releases, needsReload: await needReload(units) };
}

export async function idsIfThere(user: string): Promise<Ids | null> {
  try {
    return await userIds(user);
  } catch (error) {
    if (error instanceof OperatorError) return null;
    throw error;
  }
}

function lookAt(path: string, mounts: MountTable): Found {
  const isMounted = mounts.topmostAt(path) !== undefined;
  if (isMounted || isNetworkFileSystem(mounts.covering(path)?.fstype ?? '')) return { kind: 'mounted' };
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { kind: 'nothing' };
  if (stats.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path) };
  const about = { ids: { uid: stats.uid, gid: stats.gid }, mode: stats.mode & 0o7777 };
  if (stats.isDirectory()) return { kind: 'folder', ...about };
  return stats.isFile() ? { kind: 'file', ...about, text: textOf(path) } : { kind: 'other' };
}

/** Null: it can't be read, by somebody who is not root. */
function textOf(path: string): string | null {
  try {
    return readPlainFile(path, { followLinks: false });
  } catch {
    return null;
  }
}
