import { createJobs } from './0001-create-jobs.ts';
import { countUnreachable } from './0002-count-unreachable.ts';
import { removeSources } from './0003-remove-sources.ts';
import { addIndexes } from './0004-add-indexes.ts';
import type { DatabaseKind, Writing } from '../database.ts';

export const migrations: readonly Migration[] = [createJobs, countUnreachable, removeSources, addIndexes];

/** The schema version that this code is written for. */
export const codeVersion = Math.max(...migrations.map((migration) => migration.version));

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
