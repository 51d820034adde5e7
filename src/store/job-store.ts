/* eslint-disable max-lines -- everything that may happen to a job stands in this one file; how one job is written stands in change-job.ts, what is only asked in job-queries.ts */
import { sql, type SelectQueryBuilder } from 'kysely';
import { UsageError } from '../core/errors.ts';
import { attemptName } from '../core/attempts/launch-spec.ts';
import {
  type Job,
  type JobStatus,
  type Parked,
  type Progress,
  type StopRequest,
  unfinishedStatuses,
} from '../core/jobs/job.ts';
import type { Lease } from '../core/jobs/lease.ts';
import type { RetryPolicy } from '../core/jobs/retry.ts';
import { isEligible } from '../core/jobs/selection.ts';
import { isLegal, type JobEvent, transition } from '../core/jobs/transitions.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { MountIdentity } from '../core/storage/mountinfo.ts';
import type { Database, Writing } from './database.ts';
import { changeJob, SeenJobs, selectVersions, type VersionedRow } from './change-job.ts';
import { runCompiled } from './compiled.ts';
import {
  changeToRow,
  type FullJobRow,
  jobFromRow,
  leaseToRow,
  selectJobs,
  withoutLease,
  withoutParking,
} from './job-row.ts';
import { JobQueries } from './job-queries.ts';
import type { JobRow, Schema } from './tables.ts';
import { findTaken, findTakenDirectory, type Taken } from './taken-place.ts';

export interface NewJob {
  readonly source: string;
  readonly name: string;
  readonly outputDir: string;
  /** Empty: the source's own. */
  readonly seeds: readonly string[];
  readonly campaignKind: 'annual' | null;
  readonly campaignYear: number | null;
}

export interface AttemptEnd {
  readonly event: JobEvent;
  readonly outcome: string;
  readonly because: string;
  /** How the crawler ended, as JSON; null when nobody knows. */
  readonly exit: string | null;
  readonly pages: number;
  readonly errorPages: number;
  readonly bytes: number;
  /** The job's progress as it stays from now on; null: as it is. */
  readonly progress: Progress | null;
}

/** What a renewal brings back. `lost`: the lease is somebody else's now, and nothing was written. */
export type Renewal =
  { readonly kind: 'held'; readonly stopRequest: StopRequest | null } | { readonly kind: 'lost' };

const waiting: readonly JobStatus[] = ['queued', 'retryable'];

/**
 * Everything that may happen to a job, and what is asked about them. Each change of a job leaves an event. `now` is the wall clock in
 * milliseconds; `actor` says who: a worker's name, a command.
 */
export class JobStore extends JobQueries {
  readonly #database: Database;
  readonly #seen = new SeenJobs();

  constructor(database: Database) {
    super(database);
    this.#database = database;
  }

  /** @throws UsageError when the source is unknown, or the name or an unfinished job's output directory is taken */
  async add(job: NewJob, actor: string, nowMs: number): Promise<Job> {
    const [added] = await this.addAll([job], actor, nowMs);
    if (added === undefined) throw new Error('one job was to be added, and none came back');
    if (!('because' in added)) return added;
    const option = added.what === 'name' ? '--name' : '--output-dir';
    throw new UsageError(`${added.because}.`, `give another with ${option}`);
  }

  /**
   * Adds those whose place is free, all in one transaction; for the others it says what they are in the way of. Two of the same place:
   * the first.
   * @throws UsageError when a source is unknown
   */
  async addAll(jobs: readonly NewJob[], actor: string, nowMs: number): Promise<(Job | Taken)[]> {
    const { kind } = this.#database;
    return await this.#database.write(async (tx) => {
      await this.#database.oneAtATime(tx);
      const results: (Job | Taken)[] = [];
      for (const job of jobs)
        results.push((await findTaken(tx, kind, job)) ?? (await insertJob(tx, job, actor, nowMs)));
      return results;
    });
  }

  /**
   * Queued and retryable jobs in the worker's order (compareQueuePlaces), at most `limit`, those in cooldown included or not. Each of
   * the two states is read along its index, and only as far as is needed.
   */
  async next(options: { eligibleAtMs?: number; limit: number; offset?: number }): Promise<Job[]> {
    const { eligibleAtMs, limit, offset = 0 } = options;
    const { kind } = this.#database;
    const values = { atMs: eligibleAtMs ?? 0, limit, offset, reach: offset + limit };
    // To PostgreSQL a limit that it does not know is a tenth of the table. Those of later pages have no end, so they have no text each.
    const isFirstPage = offset === 0;
    const key = `the next ${isFirstPage ? limit : 'page of'} ${eligibleAtMs === undefined ? 'jobs' : 'eligible jobs'}`;
    return await this.#database.read(async (db) => {
      const rows = await runCompiled<FullJobRow | VersionedRow, typeof values>(
        db,
        kind,
        key,
        values,
        (slot) => {
          const first = (status: JobStatus) => {
            const query = inQueueOrder(
              db
                .selectFrom('jobs')
                .select(['jobs.id', 'jobs.queued_ms', 'jobs.created_ms'])
                .where('jobs.status', '=', sql.lit(status)),
            ).limit(isFirstPage ? sql.lit(limit) : slot('reach'));
            const fit = eligibleAtMs === undefined ? query : eligible(query, slot('atMs'));
            return db.selectFrom(fit.as(status)).selectAll();
          };
          return (kind === 'postgres' ? selectVersions(db) : selectJobs(db))
            .innerJoin(first('queued').unionAll(first('retryable')).as('place'), 'place.id', 'jobs.id')
            .orderBy('place.queued_ms', (by) => by.asc().nullsFirst())
            .orderBy('place.created_ms')
            .orderBy('place.id')
            .limit(isFirstPage ? sql.lit(limit) : slot('limit'))
            .offset(isFirstPage ? sql.lit(0) : slot('offset'));
        },
      );
      if (isFirstPage) for (const row of rows) if ('version' in row) this.#seen.see(row);
      return rows.map(jobFromRow);
    });
  }

  /** Cuts every deadline that lies further away than its length: the clock was stepped back since it was made. */
  async cutDeadlines(nowMs: number): Promise<void> {
    await this.#database.write(async (tx) => {
      for (const [at, length] of [
        ['infra_retry_ms', 'infra_retry_length_ms'],
        ['backoff_ms', 'backoff_length_ms'],
      ] as const) {
        await tx
          .updateTable('jobs')
          .set({ [at]: sql`${nowMs} + ${sql.ref(length)}` })
          // The first is implied by the second, and can be asked of the index.
          .where(at, '>', nowMs)
          .where(at, '>', sql<number>`${nowMs} + ${sql.ref(length)}`)
          .execute();
      }
    });
  }

  /**
   * Takes a job for one attempt, or returns null when somebody else has it, or it is no longer eligible.
   * @param storage what its output directory lies on; kept with the job when this is its first attempt
   * @returns the job as it is now: running, `attempts` being the number of the new attempt
   */
  async claim(
    id: number,
    lease: Lease,
    crawler: string,
    policy: RetryPolicy,
    nowMs: number,
    storage: MountIdentity | null = null,
  ): Promise<Job | null> {
    return await changeJob({ database: this.#database, seen: this.#seen }, id, nowMs, (job) => {
      if (!isLegal(job.status, 'claim') || !isEligible(job, nowMs)) return null;
      const number = job.attempts + 1;
      return {
        job: {
          ...changeToRow(transition(job, { kind: 'claim' }, policy, nowMs)),
          ...withoutParking,
          ...leaseToRow(lease),
          storage_identity: asText(job.storageIdentity ?? storage),
          stop_request: null,
          progress: null,
          attempts: number,
        },
        newAttempt: {
          job_id: id,
          number,
          worker: lease.worker,
          host: lease.host,
          crawler,
          started_ms: nowMs,
          pages: 0,
          error_pages: 0,
          bytes: 0,
        },
        event: { actor: lease.worker, kind: 'claim', because: `attempt ${attemptName(id, number)}` },
      };
    });
  }

  /** Renews a lease and keeps the progress with the job; tells whether the attempt is to be stopped. */
  async renew(id: number, lease: Lease, progress: Progress | null): Promise<Renewal> {
    this.#seen.take(id);
    return await this.#database.write(async (tx) => {
      const row = await tx
        .updateTable('jobs')
        .set({ ...leaseToRow(lease), ...(progress === null ? {} : { progress: JSON.stringify(progress) }) })
        .where('id', '=', id)
        .where('lease_token', '=', lease.token)
        .returning('stop_request')
        .executeTakeFirst();
      return row === undefined
        ? { kind: 'lost' }
        : { kind: 'held', stopRequest: row.stop_request as StopRequest | null };
    });
  }

  /**
   * Ends the attempt that holds `token`.
   * @returns the job as it is now, or null when the lease is not the attempt's any more: then nothing was written
   */
  async finish(
    id: number,
    token: string | null,
    end: AttemptEnd,
    actor: string,
    policy: RetryPolicy,
    nowMs: number,
  ): Promise<Job | null> {
    return await changeJob({ database: this.#database, seen: this.#seen }, id, nowMs, (job) => {
      if ((job.lease?.token ?? null) !== token || !isLegal(job.status, end.event.kind)) return null;
      return {
        job: {
          ...changeToRow(transition(job, end.event, policy, nowMs)),
          ...withoutLease,
          progress: asText(end.progress ?? job.progress),
        },
        attempt: {
          number: job.attempts,
          set: {
            finished_ms: nowMs,
            outcome: end.outcome,
            because: end.because,
            exit: end.exit,
            pages: end.pages,
            error_pages: end.errorPages,
            bytes: end.bytes,
          },
        },
        event: { actor, kind: end.event.kind, because: end.because },
      };
    });
  }

  /** Marks a waiting job as parked, or (null) takes the mark away. True when that changed something. */
  async park(
    id: number,
    parked: Omit<Parked, 'sinceMs'> | null,
    actor: string,
    nowMs: number,
  ): Promise<boolean> {
    return await this.#database.write(async (tx) => {
      const changed = await tx
        .updateTable('jobs')
        .set(
          parked === null
            ? withoutParking
            : { parked_reason: parked.reason, parked_detail: parked.detail, parked_since_ms: nowMs },
        )
        .where('id', '=', id)
        .where('status', 'in', waiting)
        .where(
          parked === null
            ? sql<boolean>`parked_reason is not null`
            : sql<boolean>`(parked_reason is null or parked_reason <> ${parked.reason})`,
        )
        .returning('id')
        .executeTakeFirst();
      if (changed === undefined) return false;
      await recordEvent(tx, id, actor, parked === null ? 'unparked' : 'parked', parked?.detail ?? '', nowMs);
      return true;
    });
  }

  /**
   * Asks the worker to end the attempt that holds `token`, since its storage is dead. A person's wish to cancel it stays.
   * @returns false when it is no longer that attempt: then nothing was written
   */
  async requestInterrupt(
    id: number,
    token: string,
    because: string,
    actor: string,
    nowMs: number,
  ): Promise<boolean> {
    return await this.#database.write(async (tx) => {
      const job = await this.#lockJob(tx, id);
      if (job?.status !== 'running' || job.lease?.token !== token) return false;
      if (job.stopRequest !== null) return true;
      await tx.updateTable('jobs').set({ stop_request: 'interrupt' }).where('id', '=', id).execute();
      await recordEvent(tx, id, actor, 'interrupt_requested', because, nowMs);
      return true;
    });
  }

  /**
   * Ends the cooldown of a job whose storage is proved since: it may run now. Its backoff, for failures of its own, stays.
   * @param attempts the number of its last attempt, for which it was decided
   * @returns false when it is no longer so: then nothing was written
   */
  async release(
    id: number,
    attempts: number,
    because: string,
    actor: string,
    nowMs: number,
  ): Promise<boolean> {
    return await this.#database.write(async (tx) => {
      const changed = await tx
        .updateTable('jobs')
        .set({ infra_retry_ms: null, infra_retry_length_ms: null })
        .where('id', '=', id)
        .where('status', '=', 'retryable')
        .where('attempts', '=', attempts)
        .where('infra_retry_ms', 'is not', null)
        .returning('id')
        .executeTakeFirst();
      if (changed === undefined) return false;
      await recordEvent(tx, id, actor, 'released', because, nowMs);
      return true;
    });
  }

  /** On which mount the job ran first is forgotten: what it runs on next counts as that. Nothing happens to one without it. */
  async forgetStorage(id: number, because: string, actor: string, nowMs: number): Promise<void> {
    await this.#database.write(async (tx) => {
      const changed = await tx
        .updateTable('jobs')
        .set({ storage_identity: null })
        .where('id', '=', id)
        .where('storage_identity', 'is not', null)
        .returning('id')
        .executeTakeFirst();
      if (changed !== undefined) await recordEvent(tx, id, actor, 'storage_accepted', because, nowMs);
    });
  }

  /** A person's wish: applied at once to a job that is not running, asked of the worker of one that is. */
  async command(
    id: number,
    wish: 'cancel' | 'retry',
    actor: string,
    policy: RetryPolicy,
    nowMs: number,
  ): Promise<CommandResult> {
    return await this.#database.write(async (tx) => {
      if (wish === 'retry') await this.#database.oneAtATime(tx);
      const job = await this.#lockJob(tx, id);
      if (job === null) return { kind: 'unknown_job' };
      if (wish === 'cancel' && job.status === 'running') {
        if (job.stopRequest === 'cancel') return { kind: 'already', job };
        await tx.updateTable('jobs').set({ stop_request: 'cancel' }).where('id', '=', id).execute();
        await recordEvent(tx, id, actor, 'cancel_requested', '', nowMs);
        return { kind: 'requested', job: await oneJob(tx, id) };
      }
      const isThere =
        wish === 'cancel'
          ? job.status === 'cancelled'
          : job.status === 'queued' || (job.status === 'retryable' && isEligible(job, nowMs));
      if (isThere) return { kind: 'already', job };
      if (!isLegal(job.status, wish)) return { kind: 'illegal', job };
      if (!unfinishedStatuses.includes(job.status)) {
        if (await isSourceRemoved(tx, job.source))
          return { kind: 'taken', job, because: `its source ${job.source} was removed; add it again first` };
        // Finished jobs give their directory free; another one may write there by now.
        const taken = await findTakenDirectory(tx, this.#database.kind, job.outputDir);
        if (taken !== null) return { kind: 'taken', job, because: taken.because };
      }
      const change = changeToRow(transition(job, { kind: wish }, policy, nowMs));
      await tx
        .updateTable('jobs')
        .set({ ...change, ...(wish === 'cancel' ? withoutParking : {}) })
        .where('id', '=', id)
        .execute();
      await recordEvent(tx, id, actor, wish, '', nowMs);
      return { kind: 'done', job: await oneJob(tx, id) };
    });
  }

  async #lockJob(tx: Writing, id: number): Promise<Job | null> {
    let query = selectJobs(tx).where('jobs.id', '=', id);
    if (this.#database.kind === 'postgres') query = query.forUpdate('jobs');
    const row = await query.executeTakeFirst();
    return row === undefined ? null : jobFromRow(row);
  }
}

export type CommandResult =
  | { readonly kind: 'done' | 'requested' | 'already' | 'illegal'; readonly job: Job }
  | { readonly kind: 'taken'; readonly job: Job; readonly because: string }
  | { readonly kind: 'unknown_job' };

function asText(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

type WaitingJobs = SelectQueryBuilder<Schema, 'jobs', Pick<JobRow, 'id' | 'queued_ms' | 'created_ms'>>;

function inQueueOrder(query: WaitingJobs): WaitingJobs {
  return query
    .orderBy('jobs.queued_ms', (by) => by.asc().nullsFirst())
    .orderBy('jobs.created_ms')
    .orderBy('jobs.id');
}

function eligible(query: WaitingJobs, atMs: number): WaitingJobs {
  return query
    .where((eb) => eb.or([eb('jobs.infra_retry_ms', 'is', null), eb('jobs.infra_retry_ms', '<=', atMs)]))
    .where((eb) => eb.or([eb('jobs.backoff_ms', 'is', null), eb('jobs.backoff_ms', '<=', atMs)]));
}

async function isSourceRemoved(tx: Writing, code: string): Promise<boolean> {
  const row = await tx.selectFrom('sources').select('removed_ms').where('code', '=', code).executeTakeFirst();
  return row?.removed_ms !== null;
}

async function oneJob(tx: Writing, id: number): Promise<Job> {
  return jobFromRow(await selectJobs(tx).where('jobs.id', '=', id).executeTakeFirstOrThrow());
}

async function recordEvent(
  tx: Writing,
  jobId: number,
  actor: string,
  kind: string,
  because: string,
  nowMs: number,
): Promise<void> {
  await tx.insertInto('job_events').values({ job_id: jobId, at_ms: nowMs, actor, kind, because }).execute();
}

async function insertJob(tx: Writing, job: NewJob, actor: string, nowMs: number): Promise<Job> {
  const source = await tx
    .selectFrom('sources')
    .selectAll()
    .where('code', '=', job.source)
    .where('removed_ms', 'is', null)
    .executeTakeFirst();
  if (source === undefined)
    throw new UsageError(
      `there is no source ${escapeToWidth(job.source, 80)}.`,
      'healtharchive sources list',
    );
  const { id } = await tx
    .insertInto('jobs')
    .values({
      source_id: source.id,
      name: job.name,
      status: 'queued',
      output_dir: job.outputDir,
      seeds: job.seeds.length === 0 ? source.seeds : JSON.stringify(job.seeds),
      wait_seconds: source.wait_seconds,
      campaign_kind: job.campaignKind,
      campaign_year: job.campaignYear,
      queued_ms: nowMs,
      created_ms: nowMs,
      retry_count: 0,
      attempts: 0,
      lost_in_a_row: 0,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await recordEvent(tx, id, actor, 'added', '', nowMs);
  return await oneJob(tx, id);
}
