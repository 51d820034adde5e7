import { sql } from 'kysely';
import { RefusedError } from '../core/errors.ts';
import { unfinishedStatuses } from '../core/jobs/job.ts';
import type { TakenJob, TakenSource } from '../core/legacy/decide-take-over.ts';
import type { Database, Writing } from './database.ts';
import { findTaken } from './taken-place.ts';

/** How its attempts are called where a crawler and a worker are named. */
const original = 'the original';

/**
 * Adds sources and jobs of the original as they are, all in one transaction. A job keeps its id where that is free. Its attempts count as one, so that
 * its archive is known to be there.
 * @throws RefusedError when somebody has taken a name or a place since it was planned: nothing is added then
 */
export async function takeOver(
  database: Database,
  sources: readonly TakenSource[],
  jobs: readonly TakenJob[],
  actor: string,
  nowMs: number,
): Promise<void> {
  await database.write(async (tx) => {
    await database.oneAtATime(tx);
    for (const { code, name, seeds, isRemoved } of sources)
      await tx
        .insertInto('sources')
        .values({
          code,
          name,
          seeds: JSON.stringify(seeds),
          wait_seconds: 1,
          created_ms: nowMs,
          removed_ms: isRemoved ? nowMs : null,
        })
        // Somebody may have added it since.
        .onConflict((conflict) => conflict.column('code').doNothing())
        .execute();
    for (const job of jobs) {
      const taken = await findTaken(tx, database.kind, job);
      const isInTheWay = taken?.what === 'name' || unfinishedStatuses.includes(job.status);
      if (taken !== null && isInTheWay)
        throw new RefusedError(`${taken.because}, since a moment ago.`, 'the same once more');
      await insertJob(tx, job, actor, nowMs);
    }
    // Only SQLite sees by itself that ids were given by hand.
    if (database.kind === 'postgres')
      await sql`select setval(pg_get_serial_sequence('jobs', 'id'), (select max(id) from jobs))
        where exists (select 1 from jobs)`.execute(tx);
  });
}

async function insertJob(tx: Writing, job: TakenJob, actor: string, nowMs: number): Promise<void> {
  const source = await tx
    .selectFrom('sources')
    .select(['id', 'seeds', 'wait_seconds'])
    .where('code', '=', job.source)
    .executeTakeFirstOrThrow();
  const taken = await tx.selectFrom('jobs').select('id').where('id', '=', job.legacyId).executeTakeFirst();
  const createdAtMs = job.createdAtMs ?? job.queuedAtMs ?? nowMs;
  const { attempt } = job;
  const { id } = await tx
    .insertInto('jobs')
    .values({
      ...(taken === undefined ? { id: job.legacyId } : {}),
      source_id: source.id,
      name: job.name,
      status: job.status,
      crawler_status: job.crawlerStatus,
      retry_count: job.retryCount,
      output_dir: job.outputDir,
      seeds: job.seeds.length === 0 ? source.seeds : JSON.stringify(job.seeds),
      wait_seconds: source.wait_seconds,
      campaign_kind: job.campaignYear === null ? null : 'annual',
      campaign_year: job.campaignYear,
      created_ms: createdAtMs,
      queued_ms: job.queuedAtMs ?? createdAtMs,
      started_ms: job.startedAtMs,
      finished_ms: job.finishedAtMs,
      attempts: attempt === null ? 0 : 1,
      lost_in_a_row: 0,
      last_error: job.lastError,
      progress:
        attempt === null
          ? null
          : JSON.stringify({
              pages: attempt.pages,
              bytes: attempt.bytes,
              currentUrl: null,
              bytesPerSecond: 0,
              urls: null,
            }),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (attempt !== null)
    await tx
      .insertInto('attempts')
      .values({
        job_id: id,
        number: 1,
        worker: original,
        host: '',
        crawler: original,
        started_ms: job.startedAtMs ?? createdAtMs,
        // Not now: it would count among the infra errors of the last minutes.
        finished_ms: job.finishedAtMs ?? job.startedAtMs ?? createdAtMs,
        outcome: attempt.outcome,
        because: job.about,
        pages: attempt.pages,
        error_pages: attempt.errorPages,
        bytes: attempt.bytes,
      })
      .execute();
  await tx
    .insertInto('job_events')
    .values({ job_id: id, at_ms: nowMs, actor, kind: 'taken_over', because: job.about })
    .execute();
}
