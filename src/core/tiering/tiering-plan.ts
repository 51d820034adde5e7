import type { Refusal } from '../plan.ts';

export type TieringStep = UnmountStep | BindStep | VerifyStep;

/** Takes off what is mounted at a path, so that the bind step of the same plan can put the right mount there. */
export interface UnmountStep {
  readonly kind: 'unmount';
  readonly path: string;
  readonly configuredPath: string;
  readonly because: string;
  /** Checked again right before: the topmost mount is still this one, and is still in this state. */
  readonly expects: {
    readonly mountId: number;
    readonly device: string;
    readonly layers: number;
    /** What belongs there must still be mountable: the base, as it was. */
    readonly baseMountId: number;
    readonly baseDevice: string;
    readonly state: 'dead' | 'wrong_source';
  };
}

/** Mounts the cold directory at the hot path: nosuid, nodev, private. Makes either directory if it is absent. */
export interface BindStep {
  readonly kind: 'bind';
  readonly path: string;
  readonly configuredPath: string;
  readonly because: string;
  readonly coldPath: string;
  /** Checked again right before: the base is still this mount, and nothing is mounted at the path. */
  readonly expects: { readonly baseMountId: number; readonly baseDevice: string };
}

/** Looks at the path as a crawl would: state, identity, and a small file written as the worker's user. */
export interface VerifyStep {
  readonly kind: 'verify';
  readonly path: string;
  readonly because: string;
}

export interface TieringPlan {
  /**
   * In the order in which they are done: tree by tree, unmounts from the inside out, then binds from the outside in; in the
   * end verification.
   */
  readonly steps: readonly TieringStep[];
  readonly refusals: readonly Refusal[];
}

export interface TieringPolicy {
  readonly repairStale: boolean;
  readonly repairUnexpected: boolean;
}
