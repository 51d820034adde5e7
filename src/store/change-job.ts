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

/**
 * Reads a job, and writes what `decide` makes of it; nothing comes between.
 * @param decide may be asked again, about the job as somebody else has changed it meanwhile
 * @returns the job as it is now; null when there is no such job, or `decide` leaves it
 */
export async function changeJob(
  database: Database,
  id: number,
  nowMs: number,
  decide: Decide,
): Promise<Job | null> {
  if (database.kind === 'sqlite') return await inTransaction(database, id, nowMs, decide);
  // Whoever was overtaken looks again: each time somebody else has come forward, so it ends.
  for (;;) {
    const change = await ifUnchanged(database, id, nowMs, decide);
    if (change !== 'overtaken') return change;
  }
}

function jobAfter(before: FullJobRow, { job, attempt }: JobWrite): Job {
  const archived = Math.max(before.most_archived_bytes ?? 0, attempt?.set.bytes ?? 0);
  return jobFromRow({ ...before, ...job, most_archived_bytes: archived });
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
    return jobAfter(before, write);
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

/**
 * Two round trips instead of seven: one statement reads, the other writes all of it, if the row's version is still the one that was read
 * (`xmin`, https://www.postgresql.org/docs/current/ddl-system-columns.html). `overtaken`: it is not, and nothing was written.
 */
async function ifUnchanged(
  database: Database,
  id: number,
  nowMs: number,
  decide: Decide,
): Promise<Job | null | 'overtaken'> {
  const { kind } = database;
  return await database.read(async (db) => {
    const [before] = await runCompiled<FullJobRow & { version: string }, { id: number }>(
      db,
      kind,
      'one job and its version',
      { id },
      (slot) =>
        selectJobs(db)
          .select(sql<string>`jobs.xmin::text`.as('version'))
          .where('jobs.id', '=', slot('id')),
    );
    const write = before === undefined ? null : decide(jobFromRow(before));
    if (before === undefined || write === null) return null;
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
    const changed = await runCompiled<{ id: number }, Values>(db, kind, key, values, (slot) => {
      const update = updateOf(db, slots(write.job, slot, 'job_'), slot('at_id')).where(
        sql<boolean>`xmin = ${slot('at_version')}::xid`,
      );
      const parts = [
        sql`changed as (${update.returning('id')})`,
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
      const text = sql<{ id: number }>`with ${sql.join(parts)} select id from changed`;
      return { compile: () => text.compile(db) };
    });
    return changed.length === 0 ? 'overtaken' : jobAfter(before, write);
  });
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
