import type { Migration } from './index.ts';

/** When a source was removed. Its row stays: jobs that are over refer to it. */
export const removeSources: Migration = {
  version: 3,
  name: 'remove-sources',
  oldestCode: 1,
  up: async (transaction) => {
    await transaction.schema.alterTable('sources').addColumn('removed_ms', 'bigint').execute();
  },
};
