import type { FreeSpace } from '../../core/storage/free-space.ts';
import type { PathKind } from '../../core/storage/lookup.ts';
import type { WriteStep } from '../../core/storage/write-check.ts';

/** Lookups at a time. A server 30 ms away answers a thousand of them, two system calls each, in two seconds. */
export const lookupConcurrency = 32;

/** One line on the standard input of the storage child; the next one follows when it has said `done`. */
export type ChildRequest =
  | {
      readonly operation: 'lookup';
      /** The first is looked up alone; the others after it, several at a time. */
      readonly paths: readonly string[];
      /** Never used before: the name that is looked up in each begins with it. */
      readonly name: string;
      /** One of these as the first answer settles the others too: they are not looked up. */
      readonly stopOnErrnos: readonly string[];
      /** On a local disk nothing is gained by waiting for several answers at a time. */
      readonly isLocal: boolean;
    }
  | {
      readonly operation: 'canonicalise';
      readonly paths: readonly string[];
      /**
       * Mount points of network file systems: nothing at or below them is touched; what follows is taken as it is.
       */
      readonly stopAt: readonly string[];
    }
  | {
      readonly operation: 'write_check';
      readonly directory: string;
      /** While the directory is absent, the nearest one above it is written to, but none above this; null: none. */
      readonly top: string | null;
      readonly name: string;
      /** Become this user first; needs root. */
      readonly user: { readonly uid: number; readonly gid: number } | null;
    }
  | { readonly operation: 'statfs'; readonly path: string }
  | ({ readonly operation: 'bind' } & BindRequest)
  | ({ readonly operation: 'secure' } & SecureRequest)
  | ({ readonly operation: 'unmount' } & UnmountRequest)
  | ({ readonly operation: 'count_files' } & CountRequest);

/** Everything is reached from a trusted directory, name by name, without following a link. */
export interface BindRequest {
  readonly base: {
    readonly path: string;
    readonly mountId: number;
    readonly device: string;
    /** As in mountinfo. */
    readonly root: string;
    readonly fstype: string;
  };
  /** Below the base. */
  readonly coldNames: readonly string[];
  /** Whether what is absent of it is made. */
  readonly makesCold: boolean;
  readonly jobsRoot: string;
  /** Below the jobs root. What is absent is made. */
  readonly hotNames: readonly string[];
  /** The mount in which the hot directory lies now: proof that nothing is mounted there. */
  readonly coveringMountId: number;
}

/** The mount as it was when the plan was made. */
export interface SecureRequest {
  readonly mountId: number;
  readonly device: string;
  readonly root: string;
}

export interface UnmountRequest {
  readonly jobsRoot: string;
  readonly hotNames: readonly string[];
  /** The topmost mount, which is taken off. */
  readonly mountId: number;
  /** Mounts inside it of the same superblock go with it; */
  readonly takesAlong: boolean;
  /** and those at these places, whatever they are of. */
  readonly along: readonly string[];
}

export interface CountRequest {
  readonly jobsRoot: string;
  /** By the mount in which the directories lie. */
  readonly groups: readonly {
    /** The names below the jobs root at which it is entered; none: the jobs root lies in it. */
    readonly entry: readonly string[];
    /** As in mountinfo, of what is to be found there; the mount's number is another in a namespace of its own. */
    readonly device: string;
    readonly root: string;
    /** The names below the entry; the last is that of the directory. */
    readonly paths: readonly { readonly id: number; readonly names: readonly string[] }[];
  }[];
  /** Look under what is mounted there; only in a mount namespace of its own. */
  readonly isUnder: boolean;
  readonly timeLimitMs: number;
}

/** One line on the standard output of the storage child. `id` is the position of the path in the request. */
export type ChildAnswer =
  /** It runs and waits for its request. */
  | { readonly kind: 'ready' }
  /** The last line: nothing is touched any more. */
  | { readonly kind: 'done' }
  /** It goes on to the next step, a write check says to which: the one before was answered. */
  | { readonly kind: 'doing'; readonly step: WriteStep | null }
  | { readonly kind: 'error'; readonly id: number; readonly errno: string }
  /** `tookMs`: until the random name was answered. */
  | { readonly kind: 'looked_up'; readonly id: number; readonly path: PathKind; readonly tookMs: number }
  | { readonly kind: 'canonical'; readonly id: number; readonly path: string }
  | { readonly kind: 'written' }
  | { readonly kind: 'corrupt' }
  | {
      readonly kind: 'write_error';
      readonly step: WriteStep;
      readonly errno: string;
      readonly freeBytes: number | null;
    }
  /** Null where the file system tells no size. */
  | { readonly kind: 'statfs'; readonly space: FreeSpace | null }
  | { readonly kind: 'mounted'; readonly mountId: number }
  | { readonly kind: 'unmounted' }
  /** `detail` is a sentence without full stop: what could not be done, or what was not as it should be. */
  | { readonly kind: 'refused'; readonly errno: string | null; readonly detail: string }
  | {
      readonly kind: 'counted';
      readonly id: number;
      readonly files: number;
      readonly bytes: number;
      readonly isAtLeast: boolean;
    }
  | { readonly kind: 'not_counted'; readonly id: number; readonly detail: string };
