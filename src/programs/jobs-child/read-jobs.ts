import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../../core/errors.ts';
import { infraErrorMinutes } from '../../core/report/snapshot-metrics.ts';
import { claimFolder, claimSuperblock } from '../../effects/stuck-children.ts';
import { Database } from '../../store/database.ts';
import { JobQueries } from '../../store/job-queries.ts';
import { checkSchema } from '../../store/migrate.ts';
import { archiveAt, type ArchivePlace, type ArchiveRecord } from '../../core/storage/archive.ts';
import {
  noAnswer,
  type ArchivesIfKnown,
  type JobFigures,
  type JobsIfKnown,
  type JobsRequest,
} from '../../hot-paths/jobs-if-known.ts';

/** Jobs, for commands that go on without them. */
export async function readJobs(request: JobsRequest): Promise<JobsIfKnown | ArchivesIfKnown> {
  const { url, answerMs, deadlineMs, stuckDir } = request;
  // One that is blocked in the kernel can't be killed either: no second one is sent after it.
  const claim = claimSuperblock(claimFolder(stuckDir), `database-${fingerprint(url)}`, process.pid);
  if (claim.kind === 'held' && claim.silentMs >= deadlineMs) {
    const because = `an earlier question to the database is still blocked (process ${claim.pid}).`;
    return { isKnown: false, because, fix: null };
  }
  const late = { isKnown: false, because: noAnswer(answerMs), fix: null } as const;
  // A locked SQLite file is tried again for half of that time, so that the answer can say that it is locked.
  const database = new Database(url, { patienceMs: answerMs / 2 });
  const answer = await Promise.race([answerIt(request, database), pause(answerMs, late)]);
  if (claim.kind === 'claimed') claim.release();
  return answer;
}

async function answerIt(request: JobsRequest, database: Database): Promise<JobsIfKnown | ArchivesIfKnown> {
  try {
    await checkSchema(database);
    const store = new JobQueries(database);
    if (request.kind === 'archives')
      return { isKnown: true, archives: await archivesAt(request.places, store) };
    const figures = request.withFigures ? await figuresOf(store) : null;
    return { isKnown: true, jobs: await store.needed(request.year), figures };
  } catch (error) {
    if (error instanceof DatabaseUnavailableError || error instanceof DatabaseUnusableError)
      return { isKnown: false, because: error.message, fix: error.fix ?? null };
    throw error;
  } finally {
    await database.close();
  }
}

async function figuresOf(store: JobQueries): Promise<JobFigures> {
  return {
    byStatus: await store.countByStatus(),
    recentInfraErrors: await store.countInfraErrors(Date.now() - infraErrorMinutes * 60_000),
  };
}

async function archivesAt(
  places: readonly ArchivePlace[],
  store: JobQueries,
): Promise<(ArchiveRecord | null)[]> {
  const paths = [...new Set(places.flatMap((place) => place.paths))];
  const jobs = await store.attemptedAt(paths);
  return places.map((place) => {
    const there = new Map(place.paths.flatMap((path) => jobs.get(path) ?? []).map((job) => [job.id, job]));
    return archiveAt(place, [...there.values()]);
  });
}

/** Names the database in a file name, and gives no password away. */
function fingerprint(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 16);
}
