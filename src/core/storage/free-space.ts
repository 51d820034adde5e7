import type { StorageVerdict } from './path-report.ts';

/** What an ordinary user may still use of a file system (statfs(2), `f_bavail`). */
export interface FreeSpace {
  readonly bytes: number;
  /** Of its size. */
  readonly percent: number;
}

/** A file system is seldom full to the last byte when it takes no more data. */
const leastBytes = 1024 ** 2;

/** Some servers answer with invented numbers; that nothing is left is believable all the same. */
function isFull({ bytes }: Pick<FreeSpace, 'bytes'>): boolean {
  return bytes < leastBytes;
}

/** The verdict with what its free space says of it: full storage answers every lookup, and fails when it is written to. */
export function judgeWithSpace<V extends StorageVerdict>(verdict: V, space: FreeSpace | null | undefined): V {
  if (verdict.state !== 'healthy' || !space || !isFull(space)) return verdict;
  const left = space.bytes === 0 ? 'no space is left' : `only ${space.bytes} bytes are left`;
  return { ...verdict, state: 'unwritable', errno: 'ENOSPC', reason: `${left}; ${verdict.reason}` };
}
