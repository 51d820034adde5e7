import type { DatabaseKind, Writing } from '../database.ts';

/**
 * One step of the schema. Migrations are append-only and additive, so that the release before still works with a
 * database that was migrated by this one.
 */
export interface Migration {
  readonly version: number;
  readonly name: string;
  /** The oldest schema version of code that can still work with the database after this step. */
  readonly oldestCode: number;
  readonly up: (transaction: Writing, kind: DatabaseKind) => Promise<void>;
}
