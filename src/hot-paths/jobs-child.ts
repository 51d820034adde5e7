// Reads all jobs from the database, for commands that go on without it (jobs-if-known.ts): disposable, because a
// database file on dead storage would stop whoever opens it, and nothing could end that.
import { readFileSync, writeSync } from 'node:fs';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../core/errors.ts';
import { Database } from '../store/database.ts';
import { JobStore } from '../store/job-store.ts';
import { checkSchema } from '../store/migrate.ts';
import type { JobsAnswer, JobsRequest } from './jobs-if-known.ts';

async function readJobs({ url, patienceMs }: JobsRequest): Promise<JobsAnswer> {
  const database = new Database(url, { patienceMs });
  try {
    await checkSchema(database);
    return { isKnown: true, jobs: await new JobStore(database).list() };
  } catch (error) {
    if (error instanceof DatabaseUnavailableError || error instanceof DatabaseUnusableError)
      return { isKnown: false, because: error.message, fix: error.fix ?? null };
    throw error;
  } finally {
    await database.close();
  }
}

function writeAll(text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) written += writeSync(1, bytes, written);
}

writeAll(JSON.stringify(await readJobs(JSON.parse(readFileSync(0, 'utf8')) as JobsRequest)));
