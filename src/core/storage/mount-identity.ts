/**
 * What a job's output directory lies on, as far as it can be known without touching it: the mount that covers it.
 * `local` says that no network file system covers it; `mountPoint` is that of a disk of its own, where the job ran on one.
 */
export type MountIdentity =
  | { readonly kind: 'local'; readonly mountPoint?: string }
  | { readonly kind: 'mount'; readonly fstype: string; readonly source: string; readonly root: string };
