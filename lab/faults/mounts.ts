/** Mounts that somebody else changed behind the system's back. */
import type { Host } from '../host.ts';
import { BASE } from '../storage-box.ts';

/** Takes the topmost mount off `path`, even a dead or busy one: what is left looks like a local directory (F11). */
export async function unmountBehindTheBack(host: Host, path: string): Promise<void> {
  await changeLayers(host, path, -1, ['umount', '--no-canonicalize', '--lazy', '--', path]);
}

/** Covers the mount on `path` with an empty tmpfs. */
export async function stackTmpfs(host: Host, path: string): Promise<void> {
  await changeLayers(host, path, 1, ['mount', '-t', 'tmpfs', 'lab-stacked', path]);
}

/** Binds a folder on top of what is mounted on `path` already, good or dead (F8). */
export async function stackBind(host: Host, from: string, path: string): Promise<void> {
  await changeLayers(host, path, 1, ['mount', '--bind', '--', from, path]);
}

/** Replaces the mount on `path` by a bind of another folder of the base. Returns that folder. */
export async function bindFromWrongPlace(host: Host, path: string): Promise<string> {
  const wrong = `${BASE}/jobs/wrong-place`;
  await host.runOk(['mkdir', '-p', '--', wrong]);
  await unmountBehindTheBack(host, path);
  await stackBind(host, wrong, path);
  return wrong;
}

/** Only this mount, not its file system: other mounts of the same box stay writable. */
export async function remountReadOnly(host: Host, path: string): Promise<void> {
  await host.runOk(['mount', '-o', 'remount,bind,ro', path]);
  if (host.mountsOn(path).at(-1)?.options.includes('ro') !== true)
    throw new Error(`${path} is not read-only`);
}

export async function remountWritable(host: Host, path: string): Promise<void> {
  await host.runOk(['mount', '-o', 'remount,bind,rw', path]);
}

async function changeLayers(host: Host, path: string, by: 1 | -1, argv: readonly string[]): Promise<void> {
  const before = host.mountsOn(path).length;
  await host.runOk(argv);
  const now = host.mountsOn(path).length;
  if (now !== before + by)
    throw new Error(`${path} has ${now} layers after '${argv.join(' ')}', had ${before}`);
}
