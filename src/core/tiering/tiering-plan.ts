import type { Refusal } from '../plan.ts';
import type { MountSummary } from '../storage/path-report.ts';

export type TieringStep = UnmountStep | BindStep | SecureStep | VerifyStep;

/**
 * Takes off what is mounted at a path, so that the bind step of the same plan can put the right mount there. A dead mount
 * takes those inside it along that are of the same file system: nobody can reach them through it.
 */
export interface UnmountStep {
  readonly kind: 'unmount';
  readonly path: string;
  readonly configuredPath: string;
  readonly because: string;
  /** Mount points inside it that go with it, beyond those of the same dead file system. */
  readonly along: readonly string[];
  /** Checked again right before: the topmost mount is still this one, and is still in this state. */
  readonly expects: {
    readonly mountId: number;
    readonly device: string;
    readonly layers: number;
    /** What belongs there must still be mountable. */
    readonly base: ExpectedBase;
    readonly state: 'dead' | 'wrong_source';
  };
}

/** Mounts the cold directory at the hot path: nosuid, nodev, private. Makes the hot directory if it is absent. */
export interface BindStep {
  readonly kind: 'bind';
  readonly path: string;
  readonly configuredPath: string;
  readonly because: string;
  readonly coldPath: string;
  /** Whether the cold directory is made if it is absent: not where something was archived in it. */
  readonly makesCold: boolean;
  /** Checked again right before: the base is still this mount, the outer place too, and nothing is mounted at the path. */
  readonly expects: { readonly base: ExpectedBase; readonly outer: ExpectedOuter };
}

/**
 * The nearest place above that has a mount of its own; null if there is none. Without its mount the path would lie on another
 * disk.
 */
export type ExpectedOuter = { readonly path: string; readonly device: string } | null;

/** The base as the plan knows it; null for what is no directory of it. */
export type ExpectedBase = { readonly mountId: number; readonly device: string } | null;

/** Makes the right mount nosuid, nodev and private, which it is not: made by hand, or its maker was killed. */
export interface SecureStep {
  readonly kind: 'secure';
  readonly path: string;
  readonly because: string;
  readonly coldPath: string;
  /** Checked again right before. */
  readonly expects: Pick<MountSummary, 'id' | 'device' | 'root'>;
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
   * end what is right but not secured, and verification.
   */
  readonly steps: readonly TieringStep[];
  readonly refusals: readonly Refusal[];
}

export interface TieringPolicy {
  readonly repairStale: boolean;
  readonly repairUnexpected: boolean;
  /** Hot paths, as jobs and manifest have them, on which an absent or other archive is taken as it is now. */
  readonly acceptedArchives: readonly string[];
}
