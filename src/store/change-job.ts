import { sql, type Insertable, type RawBuilder } from 'kysely';
import type { Job } from '../core/jobs/job.ts';
import { runCompiled } from './compiled.ts';
import type { Database, DatabaseKind, Reading, Writing } from './database.ts';
import { type FullJobRow, jobFromRow, selectJobs } from './job-row.ts';
import type { AttemptRow, AttemptsTable, JobRow } from './tables.ts';

/** What is written of one job at a time, all of it or nothing. */
export interface JobWrite {
  readonly job: Partial<JobRow>;
  readonly newAttempt?: Insertable<AttemptsTable>;
  readonly attempt?: { readonly number: number; readonly set: Partial<AttemptRow> };
  readonly event: { readonly actor: string; readonly kind: string; readonly because: string };
}

type Decide = (job: Job) => JobWrite | null;

/** As many as run beside each other on one server, and the first page of the queue. */
const seenKept = 200;

/** PostgreSQL: what a process last saw of jobs, in which version. A change that is based on it need not read the job first. */
export class SeenJobs {
  readonly #rows = new Map<number, VersionedRow>();

  see(row: VersionedRow): void {
    if (this.#rows.size >= seenKept) this.#rows.clear();
    this.#rows.set(row.id, row);
  }

  /** Gives it away: whatever comes of it, the job has another version then. */
  take(id: number): VersionedRow | undefined {
    const row = this.#rows.get(id);
    this.#rows.delete(id);
    return row;
  }
}

/**
 * Reads a job, and writes what `decide` makes of it; nothing comes between.
 * @param decide may be asked again, about the job as somebody else has changed it meanwhile
 * @returns the job as it is now; null when there is no such job, or `decide` leaves it
 */
export async function changeJob(
  { database, seen }: { readonly database: Database; readonly seen: SeenJobs },
  id: number,
  nowMs: number,
  decide: Decide,
): Promise<Job | null> {
  if (database.kind === 'sqlite') return await inTransaction(database, id, nowMs, decide);
  const known = seen.take(id);
  let change = known === undefined ? null : await changeVersion(database, known, nowMs, decide);
  // What was seen before is no reason to leave a job. Whoever was overtaken looks again: each time somebody else has come forward, so it ends.
  while (change === null || change === 'overtaken') {
    const before = await readVersion(database, id);
    if (before === undefined) return null;
    change = await changeVersion(database, before, nowMs, decide);
    if (change === null) return null;
  }
  seen.see(change);
  return jobFromRow(change);
}

/** The row that a write has made of another, which is of no use any more. */
function rowAfter<R extends FullJobRow>(before: R, { job, attempt }: JobWrite): R {
  const archived = Math.max(before.most_archived_bytes ?? 0, attempt?.set.bytes ?? 0);
  return Object.assign(before, job, { most_archived_bytes: archived });
}

async function inTransaction(
  database: Database,
  id: number,
  nowMs: number,
  decide: Decide,
): Promise<Job | null> {
  const { kind } = database;
  return await database.write(async (tx) => {
    const [before] = await runCompiled<FullJobRow, { id: number }>(tx, kind, 'one job', { id }, (slot) =>
      selectJobs(tx).where('jobs.id', '=', slot('id')),
    );
    const write = before === undefined ? null : decide(jobFromRow(before));
    if (before === undefined || write === null) return null;
    const { newAttempt, attempt, event } = write;
    await runCompiled<never, Values>(
      tx,
      kind,
      `update job ${namesOf(write.job)}`,
      { ...write.job, at_id: id },
      (slot) => updateOf(tx, slots(write.job, slot), slot('at_id')),
    );
    if (newAttempt !== undefined) await insert(tx, kind, 'attempts', newAttempt);
    if (attempt !== undefined) {
      const values = { ...attempt.set, at_job: id, at_number: attempt.number };
      await runCompiled<never, Values>(tx, kind, `update attempt ${namesOf(attempt.set)}`, values, (slot) =>
        tx
          .updateTable('attempts')
          .set(slots(attempt.set, slot))
          .where('job_id', '=', slot('at_job') as number)
          .where('number', '=', slot('at_number') as number),
      );
    }
    await insert(tx, kind, 'job_events', { job_id: id, at_ms: nowMs, ...event });
    return jobFromRow(rowAfter(before, write));
  });
}

type Values = Readonly<Record<string, unknown>>;
type SlotOf = (name: string) => unknown;

const namesOf = (row: object): string => Object.keys(row).join(' ');

/** The row with a slot in the place of each value. */
function slots<T extends object>(row: T, slot: SlotOf, prefix = ''): T {
  return Object.fromEntries(Object.keys(row).map((name) => [name, slot(prefix + name)])) as T;
}

async function insert(
  tx: Writing,
  kind: DatabaseKind,
  table: 'attempts' | 'job_events',
  row: object,
): Promise<void> {
  await runCompiled<never, Values>(tx, kind, `insert ${table} ${namesOf(row)}`, row as Values, (slot) =>
    tx.insertInto(table).values(slots(row, slot) as never),
  );
}

function updateOf(db: Reading | Writing, job: Partial<JobRow>, id: unknown) {
  return db
    .updateTable('jobs')
    .set(job)
    .where('id', '=', id as number);
}

/** A job, and the version of its row (`xmin`, https://www.postgresql.org/docs/current/ddl-system-columns.html). */
export type VersionedRow = FullJobRow & { version: string };

/** As selectJobs, with the version of each; PostgreSQL alone has one. */
export function selectVersions(db: Reading) {
  return selectJobs(db).select(sql<string>`jobs.xmin::text`.as('version'));
}

async function readVersion(database: Database, id: number): Promise<VersionedRow | undefined> {
  return await database.read(async (db) => {
    const [row] = await runCompiled<VersionedRow, { id: number }>(
      db,
      database.kind,
      'one job and its version',
      { id },
      (slot) => selectVersions(db).where('jobs.id', '=', slot('id')),
    );
    return row;
  });
}

/**
 * One round trip: a statement that writes all of it, if the row's version is still the one that was read. `overtaken`: it is not, and
 * nothing was written.
 */
async function changeVersion(
  database: Database,
  before: VersionedRow,
  nowMs: number,
  decide: Decide,
): Promise<VersionedRow | null | 'overtaken'> {
  const write = decide(jobFromRow(before));
  if (write === null) return null;
  const { id } = before;
  const { newAttempt = null, attempt = null } = write;
  const event = { job_id: id, at_ms: nowMs, ...write.event };
  // What is inserted has no columns without a value (insertIfChanged); what is updated has.
  const key = `change job ${namesOf(write.job)}; insert ${namesOf(withoutNull(newAttempt ?? {}))}; update ${namesOf(attempt?.set ?? {})}`;
  const values = {
    ...prefixed('job_', write.job),
    ...prefixed('event_', event),
    ...prefixed('new_', newAttempt ?? {}),
    ...prefixed('attempt_', attempt?.set ?? {}),
    at_id: id,
    at_version: before.version,
    at_number: attempt?.number,
  };
  const [changed] = await database.read(
    async (db) =>
      await runCompiled<{ version: string }, Values>(db, database.kind, key, values, (slot) => {
        const update = updateOf(db, slots(write.job, slot, 'job_'), slot('at_id')).where(
          sql<boolean>`xmin = ${slot('at_version')}::xid`,
        );
        const parts = [
          sql`changed as (${update.returning(['id', sql<string>`xmin::text`.as('version')])})`,
          sql`event as (${insertIfChanged('job_events', event, (name) => slot(`event_${name}`))})`,
        ];
        if (newAttempt !== null)
          parts.push(
            sql`attempt as (${insertIfChanged('attempts', newAttempt, (name) => slot(`new_${name}`))})`,
          );
        if (attempt !== null)
          parts.push(
            sql`attempt as (${updateIfChanged(attempt.set, (name) => slot(`attempt_${name}`), slot('at_number'))})`,
          );
        const text = sql<{ version: string }>`with ${sql.join(parts)} select version from changed`;
        return { compile: () => text.compile(db) };
      }),
  );
  return changed === undefined ? 'overtaken' : Object.assign(rowAfter(before, write), changed);
}

const prefixed = (prefix: string, row: object): Values =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [prefix + name, value as unknown]));

const withoutNull = (row: object): object =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== undefined));

function insertIfChanged(table: string, row: object, slot: SlotOf): RawBuilder<unknown> {
  const columns = Object.entries(withoutNull(row));
  // The types of what is selected are not those of the columns it goes to.
  const values = columns.map(([name, value]) =>
    typeof value === 'number' ? sql`${slot(name)}::double precision` : sql`${slot(name)}::text`,
  );
  const names = columns.map(([name]) => sql.ref(name));
  return sql`insert into ${sql.table(table)} (${sql.join(names)}) select ${sql.join(values)} from changed`;
}

function updateIfChanged(set: object, slot: SlotOf, number: unknown): RawBuilder<unknown> {
  const assignments = Object.keys(set).map((name) => sql`${sql.ref(name)} = ${slot(name)}`);
  return sql`update attempts set ${sql.join(assignments)} from changed
    where attempts.job_id = changed.id and attempts.number = ${number}`;
}
