import type { Configuration } from '../config/schema.ts';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../core/errors.ts';
import type { Job } from '../core/jobs/job.ts';
import { Database } from '../store/database.ts';
import { JobStore } from '../store/job-store.ts';
import { checkSchema } from '../store/migrate.ts';

/** All jobs; or, without the database, that they are not known, and why. "No jobs" is never assumed. */
export type JobsIfKnown =
  | { readonly isKnown: true; readonly jobs: readonly Job[] }
  | { readonly isKnown: false; readonly because: string };

/** Waits for a locked database only shortly: who looks at broken storage must not wait for a broken database too. */
const patienceMs = 1000;

export async function jobsIfKnown(configuration: Configuration): Promise<JobsIfKnown> {
  const database = new Database(configuration.database.url, { patienceMs });
  try {
    await checkSchema(database);
    return { isKnown: true, jobs: await new JobStore(database).list() };
  } catch (error) {
    if (error instanceof DatabaseUnavailableError || error instanceof DatabaseUnusableError) {
      return { isKnown: false, because: error.message };
    }
    throw error;
  } finally {
    await database.close();
  }
}
