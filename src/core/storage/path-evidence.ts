import type { Base } from './base.ts';
import type { Expectation, Past } from './expectation.ts';
import type { LookupContext } from './judge-lookup.ts';
import type { Lookup } from './lookup.ts';
import type { MountTable } from './mount-table.ts';

/** All that is known of one path. Every path in it is canonical, that of the expectation too. */
export interface PathEvidence extends LookupContext {
  readonly path: string;
  readonly table: MountTable;
  readonly lookup: Lookup;
  /** False: its links could not be followed, so the mount table says nothing about it. */
  readonly isResolved: boolean;
  readonly expectation: Expectation;
  /** Default `none`. */
  readonly past?: Past;
  /** Null without a storage box. */
  readonly base: Base | null;
}
