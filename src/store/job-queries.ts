import { type RawBuilder, sql } from 'kysely';
import { type Job, type JobStatus, jobStatuses, unfinishedStatuses } from '../core/jobs/job.ts';
import type { AttemptedJob } from '../core/storage/archive.ts';
import type { Database } from './database.ts';
import { jobFromRow, selectJobs, storageIdentityFromText } from './job-row.ts';
import type { AttemptRow, EventRow } from './tables.ts';
import { boundsBelow, findTaken, type Place, type Taken } from './taken-place.ts';

/** Which jobs of all. */
export interface JobFilter {
  readonly statuses?: readonly JobStatus[];
  readonly source?: string;
  readonly limit?: number;
}

/** What is asked about jobs, their attempts and their history. Nothing here changes any. */
export class JobQueries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What `addAll` would say, of each. */
  async takenOf(places: readonly Place[]): Promise<(Taken | null)[]> {
    return await this.#database.read(async (db) => {
      const results: (Taken | null)[] = [];
      for (const place of places) results.push(await findTaken(db, this.#database.kind, place));
      return results;
    });
  }

  /** Of a campaign: which sources have their job. */
  async campaignJobs(year: number): Promise<{ readonly source: string; readonly campaignYear: number }[]> {
    return await this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('jobs')
        .innerJoin('sources', 'sources.id', 'jobs.source_id')
        .select('sources.code as source')
        .where('jobs.campaign_year', '=', year)
        .execute();
      return rows.map(({ source }) => ({ source, campaignYear: year }));
    });
  }

  /** In the order of their ids; with a limit the newest. */
  async list(wanted: JobFilter = {}): Promise<Job[]> {
    return await this.#database.read(async (db) => {
      // Few of many have a state: they are looked up by it, and not found by going through all in order (unary plus, https://www.sqlite.org/optoverview.html).
      const isByState = wanted.statuses !== undefined && wanted.limit === undefined;
      const query = filtered(selectJobs(db), wanted).orderBy(isByState ? sql`+jobs.id` : 'jobs.id', 'desc');
      const rows = await (wanted.limit === undefined ? query : query.limit(wanted.limit)).execute();
      return rows.map(jobFromRow).reverse();
    });
  }

  /** The first ones after an id, in the order of their ids. */
  async listAfter(id: number, wanted: JobFilter, limit: number): Promise<Job[]> {
    return await this.#database.read(async (db) => {
      const query = filtered(selectJobs(db), wanted)
        .where('jobs.id', '>', id)
        .orderBy('jobs.id')
        .limit(limit);
      return (await query.execute()).map(jobFromRow);
    });
  }

  /** After it come the newest `count`; 0 when there are no more. */
  async idBeforeNewest(wanted: JobFilter, count: number): Promise<number> {
    return await this.#database.read(async (db) => {
      const query = filtered(selectJobs(db), wanted).orderBy('jobs.id', 'desc').limit(1).offset(count);
      return (await query.executeTakeFirst())?.id ?? 0;
    });
  }

  /** Jobs whose output directories somebody still depends on (needsItsPath), in the order of their ids. No others are read. */
  async needed(year: number): Promise<Job[]> {
    return await this.#database.read(async (db) => {
      const ofTheYear = selectJobs(db)
        .where('jobs.campaign_year', '=', year)
        .where('jobs.campaign_kind', '=', 'annual')
        .where('jobs.status', 'in', ['completed', 'failed']);
      // In one statement: a job that ends meanwhile is neither missed nor told twice. Each state along its index: taken together they
      // look to SQLite like most of the table.
      const rows = await unfinishedStatuses
        .reduce(
          (query, status) => query.unionAll(selectJobs(db).where('jobs.status', '=', status)),
          ofTheYear,
        )
        .execute();
      return rows.map(jobFromRow).sort((a, b) => a.id - b.id);
    });
  }

  async countByStatus(): Promise<Record<JobStatus, number>> {
    return await this.#database.read(async (db) => {
      const rows = await db
        .selectFrom('jobs')
        .select(['status', ({ fn }) => fn.countAll().as('count')])
        .groupBy('status')
        .execute();
      const counts = Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
      return Object.fromEntries(jobStatuses.map((status) => [status, counts[status] ?? 0])) as Record<
        JobStatus,
        number
      >;
    });
  }

  /** Jobs of whatever status that have had an attempt, whose output directory is one of the paths or lies below it; by path. */
  async attemptedAt(paths: readonly string[]): Promise<Map<string, AttemptedJob[]>> {
    const isPostgres = this.#database.kind === 'postgres';
    const asked = JSON.stringify(paths.map((path) => ({ path, ...boundsBelow(path) })));
    const places = isPostgres
      ? sql`json_to_recordset(${asked}::json) as place(path text, above text, beyond text)`
      : sql`(select value ->> 'path' as path, value ->> 'above' as above, value ->> 'beyond' as beyond from json_each(${asked})) as place`;
    // As its index has it (0004-add-indexes.ts).
    const outputDir = isPostgres ? sql`jobs.output_dir collate "C"` : sql`jobs.output_dir`;
    const from = (condition: RawBuilder<unknown>) =>
      sql`select place.path, jobs.id, jobs.output_dir, jobs.storage_identity from ${places} join jobs on ${condition} where jobs.attempts > 0`;
    return await this.#database.read(async (db) => {
      const { rows } = await sql<{
        path: string;
        id: number;
        output_dir: string;
        storage_identity: string | null;
      }>`${from(sql`${outputDir} = place.path`)} union all
        ${from(sql`${outputDir} > place.above and ${outputDir} < place.beyond`)}`.execute(db);
      const found = new Map<string, AttemptedJob[]>();
      for (const { path, id, output_dir, storage_identity } of rows) {
        const there = found.get(path) ?? [];
        found.set(path, there);
        there.push({ id, outputDir: output_dir, storageIdentity: storageIdentityFromText(storage_identity) });
      }
      return found;
    });
  }

  /** By which it is seen whether anything about any job has changed; 0 before the first event. */
  async latestEvent(): Promise<number> {
    return await this.#database.read(async (db) => {
      const { id } = await db
        .selectFrom('job_events')
        .select(sql<number | null>`max(id)`.as('id'))
        .executeTakeFirstOrThrow();
      return id ?? 0;
    });
  }

  /** When the next deadline of any job passes; null when none lies ahead. */
  async nextDeadline(nowMs: number): Promise<number | null> {
    return await this.#database.read(async (db) => {
      const ahead: number[] = [];
      for (const column of ['infra_retry_ms', 'backoff_ms'] as const) {
        const { at } = await db
          .selectFrom('jobs')
          .select(sql<number | null>`min(${sql.ref(column)})`.as('at'))
          .where(column, '>', nowMs)
          .executeTakeFirstOrThrow();
        if (at !== null) ahead.push(at);
      }
      return ahead.length === 0 ? null : Math.min(...ahead);
    });
  }

  /** Attempts that have ended with an infra error since then. */
  async countInfraErrors(sinceMs: number): Promise<number> {
    return await this.#database.read(async (db) => {
      const { count } = await db
        .selectFrom('attempts')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('outcome', '=', 'infra_error')
        .where('finished_ms', '>=', sinceMs)
        .executeTakeFirstOrThrow();
      return Number(count);
    });
  }

  async find(id: number): Promise<Job | null> {
    return await this.#database.read(async (db) => {
      const row = await selectJobs(db).where('jobs.id', '=', id).executeTakeFirst();
      return row === undefined ? null : jobFromRow(row);
    });
  }

  async history(id: number): Promise<{ attempts: AttemptRow[]; events: EventRow[] }> {
    return await this.#database.read(async (db) => ({
      attempts: await db
        .selectFrom('attempts')
        .selectAll()
        .where('job_id', '=', id)
        .orderBy('number')
        .execute(),
      events: await db.selectFrom('job_events').selectAll().where('job_id', '=', id).orderBy('id').execute(),
    }));
  }
}

function filtered(query: ReturnType<typeof selectJobs>, { statuses, source }: JobFilter) {
  let wanted = query;
  if (statuses !== undefined) wanted = wanted.where('jobs.status', 'in', statuses);
  if (source !== undefined) wanted = wanted.where('sources.code', '=', source);
  return wanted;
}
