import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../../core/errors.ts';
import { infraErrorMinutes } from '../../core/report/snapshot-metrics.ts';
import { claimFolder, claimSuperblock } from '../../effects/stuck-children.ts';
import { Database } from '../../store/database.ts';
import { JobStore } from '../../store/job-store.ts';
import { checkSchema } from '../../store/migrate.ts';
import { noAnswer, type JobsAnswer, type JobsRequest } from '../../hot-paths/jobs-if-known.ts';

/** All jobs, for commands that go on without them. */
export async function readJobs(request: JobsRequest): Promise<JobsAnswer> {
  const { url, answerMs, deadlineMs, stuckDir } = request;
  // One that is blocked in the kernel can't be killed either: no second one is sent after it.
  const claim = claimSuperblock(claimFolder(stuckDir), `database-${fingerprint(url)}`, process.pid);
  if (claim.kind === 'held' && claim.silentMs >= deadlineMs) {
    const because = `an earlier question to the database is still blocked (process ${claim.pid}).`;
    return { isKnown: false, because, fix: null };
  }
  const late: JobsAnswer = { isKnown: false, because: noAnswer(answerMs), fix: null };
  // A locked SQLite file is tried again for half of that time, so that the answer can say that it is locked.
  const database = new Database(url, { patienceMs: answerMs / 2 });
  const answer = await Promise.race([readAll(database), pause(answerMs, late)]);
  if (claim.kind === 'claimed') claim.release();
  return answer;
}

async function readAll(database: Database): Promise<JobsAnswer> {
  try {
    await checkSchema(database);
    const store = new JobStore(database);
    const recentInfraErrors = await store.countInfraErrors(Date.now() - infraErrorMinutes * 60_000);
    return { isKnown: true, jobs: await store.list(), recentInfraErrors };
  } catch (error) {
    if (error instanceof DatabaseUnavailableError || error instanceof DatabaseUnusableError)
      return { isKnown: false, because: error.message, fix: error.fix ?? null };
    throw error;
  } finally {
    await database.close();
  }
}

/** Names the database in a file name, and gives no password away. */
function fingerprint(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 16);
}
