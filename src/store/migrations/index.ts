import { createJobs } from './0001-create-jobs.ts';
import { countUnreachable } from './0002-count-unreachable.ts';
import { removeSources } from './0003-remove-sources.ts';
import type { Migration } from './migration.ts';

export const migrations: readonly Migration[] = [createJobs, countUnreachable, removeSources];

/** The schema version that this code is written for. */
export const codeVersion = Math.max(...migrations.map((migration) => migration.version));
