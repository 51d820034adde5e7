/** The kernel's control files of a FUSE mount. They never block, and they are the machine's own: shared by all hosts. */
import type { Host } from './host.ts';
import type { MountEntry } from './mount-info.ts';

/** Requests that a FUSE file system has not answered yet: more than 0 for long means hung (storage-facts F3). */
export async function fuseWaiting(host: Host, entry: MountEntry): Promise<number> {
  return Number(await host.readFile(`${connection(entry)}/waiting`));
}

/** Whether the kernel still knows the connection: longer than the mount table when files are open (F12). */
export async function hasFuseConnection(host: Host, entry: MountEntry): Promise<boolean> {
  return await host.exists(connection(entry));
}

/** The only cure of a hang: frees its callers, and the mount is dead from then on (F6). */
export async function abortFuse(host: Host, entry: MountEntry): Promise<void> {
  await host.runOk(['sh', '-c', 'echo 1 >"$1"', 'sh', `${connection(entry)}/abort`]);
}

function connection({ device, fstype, path }: MountEntry): string {
  if (!fstype.startsWith('fuse')) throw new Error(`${path} is ${fstype}, not FUSE`);
  return `/sys/fs/fuse/connections/${device.split(':')[1] ?? ''}`;
}
