import { DatabaseUnusableError } from '../core/errors.ts';
import type { Database, Reading } from './database.ts';
import { codeVersion, type Migration, migrations } from './migrations/index.ts';

interface SchemaState {
  readonly version: number;
  readonly oldestCode: number;
}

async function readState(transaction: Reading): Promise<SchemaState | null> {
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

/** What `migrate` would do. */
export interface MigrationForecast {
  /** Names of the migrations that would be applied. */
  readonly pending: readonly string[];
  /** The schema version that this code is written for. */
  readonly codeVersion: number;
  /** The oldest schema version of code that could work with the database afterwards. */
  readonly oldestCode: number;
}

/**
 * Looks, and changes nothing.
 * @throws DatabaseUnusableError when newer code has shut this one out
 */
export async function foreseeMigration(
  database: Database,
  steps: readonly Migration[] = migrations,
): Promise<MigrationForecast> {
  const state = await database.read(stateIfAny);
  refuseOlderCode(state);
  const pending = steps.filter((step) => step.version > (state?.version ?? 0));
  return {
    pending: pending.map(({ name }) => name),
    codeVersion: Math.max(...steps.map(({ version }) => version)),
    oldestCode: Math.max(state?.oldestCode ?? 0, ...pending.map((step) => step.oldestCode)),
  };
}

/** Null: nothing was ever migrated. */
async function stateIfAny(db: Reading): Promise<SchemaState | null> {
  const tables = await db.introspection.getTables();
  return tables.some((table) => table.name === 'schema_state') ? await readState(db) : null;
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
  const state = await database.read(stateIfAny);
  refuseOlderCode(state);
  if (state === null || state.version < codeVersion) {
    const found = state === null ? 'has no tables of ours yet' : `has schema version ${state.version}`;
    throw new DatabaseUnusableError(
      `the database ${found}; this code needs schema version ${codeVersion}.`,
      'healtharchive db migrate',
    );
  }
}
