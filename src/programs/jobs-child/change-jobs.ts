import { isContainerEngine } from '../../core/crawler/container.ts';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../../core/errors.ts';
import { jobsToRelease, type Release } from '../../core/recovery/release.ts';
import { isAtOrBelow } from '../../core/storage/path-relation.ts';
import { Database } from '../../store/database.ts';
import { JobStore } from '../../store/job-store.ts';
import { checkSchema } from '../../store/migrate.ts';
import { findStaleJobs, returnStaleJob } from '../../worker/stale-jobs.ts';
import { workerPaths } from '../../worker/worker-paths.ts';
import type { JobChangesAnswer, JobChangesRequest } from '../../recovery/job-changes.ts';

const actor = 'recovery';
/** Of the parent's deadline; the rest is for the start of this program. */
const patienceMs = 4000;

/** What recovery, and a person with `storage tier`, change about jobs. */
export async function changeJobs(request: JobChangesRequest): Promise<JobChangesAnswer> {
  const database = new Database(request.url, { patienceMs });
  try {
    await checkSchema(database);
    const store = new JobStore(database);
    if (request.kind === 'afterwards') return await afterwards(request, store, database);
    if (request.kind === 'forget_storage') {
      const because = 'a person says that what is on the storage box now is right';
      for (const id of request.jobIds) await store.forgetStorage(id, because, request.actor, Date.now());
      return { kind: 'forget_storage' };
    }
    const { jobId, token, because } = request;
    const isAsked = await store.requestInterrupt(jobId, token, because, actor, Date.now());
    return { kind: 'interrupt', isAsked };
  } catch (error) {
    if (error instanceof DatabaseUnavailableError || error instanceof DatabaseUnusableError)
      return { kind: 'unavailable', because: error.message };
    throw error;
  } finally {
    await database.close();
  }
}

async function afterwards(
  request: Extract<JobChangesRequest, { kind: 'afterwards' }>,
  store: JobStore,
  database: Database,
): Promise<JobChangesAnswer> {
  const returned = await returnStale(request, store, database);
  const isFit = (outputDir: string): boolean => !request.unfit.some((path) => isAtOrBelow(outputDir, path));
  const jobs = await store.list({ statuses: ['retryable'] });
  const { maxPerJobPerDay } = request;
  const released: Release[] = [];
  for (const release of jobsToRelease(jobs, request.memory, isFit, {
    maxPerJobPerDay,
    nowMs: Date.now(),
  })) {
    const because = `its storage ${release.path} is proved healthy`;
    if (await store.release(release.jobId, release.attempts, because, actor, Date.now()))
      released.push(release);
  }
  return { kind: 'afterwards', released, returned };
}

/** Jobs of this host whose worker and crawler are gone. Containers are known to the engine of the worker's user alone: left to it. */
async function returnStale(
  { stateDir, host, retry }: Extract<JobChangesRequest, { kind: 'afterwards' }>,
  store: JobStore,
  database: Database,
) {
  const paths = workerPaths(stateDir);
  const returned: { jobId: number; outcome: string }[] = [];
  const question = { host, ownWorker: null, hostIsGone: null };
  for (const verdict of await findStaleJobs(store, database, paths, question)) {
    if (!verdict.isStale || !verdict.isHere || isContainerEngine(verdict.crawler)) continue;
    const outcome = await returnStaleJob(store, verdict, paths, new Set(), actor, retry, Date.now());
    if (outcome !== 'changed') returned.push({ jobId: verdict.job.id, outcome });
  }
  return returned;
}
