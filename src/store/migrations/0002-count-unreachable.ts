import type { Migration } from './index.ts';

/** How often in a row a source could not be reached, by which the pauses before it is tried again grow. */
export const countUnreachable: Migration = {
  version: 2,
  name: 'count-unreachable',
  oldestCode: 1,
  up: async (transaction) => {
    await transaction.schema
      .alterTable('jobs')
      .addColumn('unreachable_in_a_row', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
