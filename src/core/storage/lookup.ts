/** What is at a path, by lstat(2). */
export type PathKind = 'directory' | 'symlink' | 'other' | 'absent';

/**
 * The answer to the lookup of a random, never used name below a path. Only a name that no cache can know makes the
 * server answer: `stat`, `open` and `readdir` of known names are answered from the cache for a while after the
 * storage is gone.
 */
export type Lookup =
  /** The random name is not there, as it must be, which took `tookMs`; then the path itself was looked up. */
  | { readonly kind: 'answered'; readonly path: PathKind; readonly tookMs?: number }
  | { readonly kind: 'error'; readonly errno: string }
  /** No answer within the deadline. */
  | { readonly kind: 'timed_out' }
  /** Not asked: an earlier question to the same superblock is still blocked in that process. */
  | { readonly kind: 'still_blocked'; readonly pid: number }
  /** Not asked: the mount that the path lies below, or another mount of the same superblock, failed first. */
  | { readonly kind: 'failed_at'; readonly mountPoint: string; readonly lookup: FailedLookup }
  /** Not asked, for a reason that says nothing about the storage. */
  | { readonly kind: 'not_asked'; readonly detail: string };

export type FailedLookup = Extract<Lookup, { kind: 'error' | 'timed_out' | 'still_blocked' }>;
