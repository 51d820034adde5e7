import { DatabaseUnusableError } from '../core/errors.ts';
import type { Database, Writing } from './database.ts';
import { codeVersion, type Migration, migrations } from './migrations/index.ts';

interface SchemaState {
  readonly version: number;
  readonly oldestCode: number;
}

async function readState(transaction: Writing): Promise<SchemaState | null> {
  const row = await transaction.selectFrom('schema_state').selectAll().executeTakeFirst();
  return row === undefined ? null : { version: row.version, oldestCode: row.oldest_code };
}

/**
 * Creates or upgrades the database, all in one transaction. Safe when two start at once: the second one waits and then
 * finds nothing to do. A database that newer code migrated is left as it is, as long as it still serves this code.
 * @returns the names of the migrations that were applied
 */
export async function migrate(
  database: Database,
  steps: readonly Migration[] = migrations,
): Promise<string[]> {
  return await database.write(async (transaction) => {
    await database.oneAtATime(transaction);
    await transaction.schema
      .createTable('schema_state')
      .ifNotExists()
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('oldest_code', 'integer', (column) => column.notNull())
      .execute();
    const state = await readState(transaction);
    refuseOlderCode(state);
    const pending = steps.filter((step) => step.version > (state?.version ?? 0));
    for (const step of pending) await step.up(transaction, database.kind);
    const last = pending.at(-1);
    if (last !== undefined) {
      await transaction.deleteFrom('schema_state').execute();
      await transaction
        .insertInto('schema_state')
        // A later step never makes a database usable again by code that an earlier one shut out.
        .values({
          version: last.version,
          oldest_code: Math.max(state?.oldestCode ?? 0, ...pending.map((step) => step.oldestCode)),
        })
        .execute();
    }
    return pending.map((step) => step.name);
  });
}

function refuseOlderCode(state: SchemaState | null): void {
  if (state !== null && state.oldestCode > codeVersion) {
    throw new DatabaseUnusableError(
      `the database has schema version ${state.version}, which needs code of schema version ${state.oldestCode} or later; this code has ${codeVersion}.`,
      'install the newer release again',
    );
  }
}

/**
 * Checks that this code can work with the database as it is.
 * @throws DatabaseUnusableError when it was never migrated, is too old, or too new
 */
export async function checkSchema(database: Database): Promise<void> {
  const state = await database.read(async (db) => {
    const tables = await db.introspection.getTables();
    if (!tables.some((table) => table.name === 'schema_state')) return null;
    const row = await db.selectFrom('schema_state').selectAll().executeTakeFirst();
    return row === undefined ? null : { version: row.version, oldestCode: row.oldest_code };
  });
  refuseOlderCode(state);
  if (state === null || state.version < codeVersion) {
    const found = state === null ? 'has no tables of ours yet' : `has schema version ${state.version}`;
    throw new DatabaseUnusableError(
      `the database ${found}; this code needs schema version ${codeVersion}.`,
      'healtharchive db migrate',
    );
  }
}
