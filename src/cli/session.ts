import { userInfo } from 'node:os';
import { configurationFile, loadConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/schema.ts';
import type { RetryPolicy } from '../core/jobs/retry.ts';
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

export function retryPolicy({ worker }: Configuration): RetryPolicy {
  return {
    maxRetries: worker.max_retries,
    backoffMs: worker.retry_backoff_seconds * 1000,
    infraCooldownMs: worker.infra_error_cooldown_seconds * 1000,
  };
}

/** Who does it, for a job's history: a user's name, or `uid N` for a user without one (as in many containers). */
export function operatorName(environment: NodeJS.ProcessEnv): string {
  return environment['SUDO_USER'] ?? loginName() ?? `uid ${process.getuid?.() ?? 'unknown'}`;
}

function loginName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}
