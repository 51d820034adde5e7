/**
 * The states a hot path or the base can be in. The table of what each one is seen as stands in
 * docs/storage-states.md.
 */
export const storageStates = [
  'healthy',
  'dead',
  'degraded',
  'hung',
  'missing',
  'wrong_source',
  'unwritable',
  'denied',
  'unknown',
] as const;

export type StorageState = (typeof storageStates)[number];

/** The server or the way to it is in trouble; the mount itself may heal. */
const degradedErrnos: ReadonlySet<string> = new Set([
  'EIO',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNREFUSED',
  'ESTALE',
]);
const deniedErrnos: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);
const unwritableErrnos: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** The state that an errno alone stands for. What counts as dead is configured (`storagebox.stale_errnos`). */
export function stateOfErrno(errno: string, staleErrnos: readonly string[]): StorageState {
  if (staleErrnos.includes(errno)) return 'dead';
  if (degradedErrnos.has(errno)) return 'degraded';
  if (deniedErrnos.has(errno)) return 'denied';
  if (unwritableErrnos.has(errno)) return 'unwritable';
  return 'unknown';
}

/**
 * Errnos of one lookup that settle all mounts of the same superblock, so that none of them needs to be asked: the
 * death of the file system, and, seen at its own root directory, trouble with its server.
 */
export function superblockErrnos(staleErrnos: readonly string[], root: string): string[] {
  return root === '/' ? [...staleErrnos, ...degradedErrnos] : [...staleErrnos];
}
