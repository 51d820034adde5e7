import { configurationFile, loadConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/schema.ts';
import { ownUserName } from '../effects/user-ids.ts';
import { Database } from '../store/database.ts';
import { checkSchema } from '../store/migrate.ts';
import type { Terminal } from './terminal.ts';

/** Options that every command understands. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export function readConfiguration(options: GlobalOptions, terminal: Terminal): Configuration {
  return loadConfiguration(configurationFile(options.config, terminal.environment), terminal.environment);
}

/**
 * Opens the configured database for the length of `work`.
 * @throws DatabaseUnusableError when it is missing or not migrated
 */
export async function withDatabase<T>(
  configuration: Configuration,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = new Database(configuration.database.url);
  try {
    await checkSchema(database);
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Who does it, for a job's history. */
export function operatorName(environment: NodeJS.ProcessEnv): string {
  return environment['SUDO_USER'] ?? ownUserName();
}
