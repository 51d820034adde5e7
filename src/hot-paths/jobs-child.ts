// Reads all jobs from the database, for commands that go on without it (jobs-if-known.ts): disposable, because a
// database file on dead storage would stop whoever opens it, and nothing could end that.
import { readFileSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../core/errors.ts';
import { Database } from '../store/database.ts';
import { JobStore } from '../store/job-store.ts';
import { checkSchema } from '../store/migrate.ts';
import { noAnswer, type JobsAnswer, type JobsRequest } from './jobs-if-known.ts';

async function readJobs({ url, answerMs }: JobsRequest): Promise<JobsAnswer> {
  const late: JobsAnswer = { isKnown: false, because: noAnswer(answerMs), fix: null };
  // A locked SQLite file is tried again for half of that time, so that the answer can say that it is locked.
  const database = new Database(url, { patienceMs: answerMs / 2 });
  return await Promise.race([readAll(database), pause(answerMs, late)]);
}

async function readAll(database: Database): Promise<JobsAnswer> {
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
// A connection to a server that says nothing would keep it here for ten seconds more.
// eslint-disable-next-line no-restricted-properties -- a program of its own, with nothing left to do
process.exit(0);
