import { UsageError } from '../core/errors.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { unfinishedStatuses } from '../core/jobs/job.ts';
import type { Database, Reading, Writing } from './database.ts';
import type { SourceRow } from './tables.ts';

/** A public body's web sites. */
export interface Source {
  readonly code: string;
  readonly name: string;
  readonly seeds: readonly string[];
  /** Pause between two requests to the source. */
  readonly waitSeconds: number;
  readonly createdAtMs: number;
}

export type SourceChange = Partial<Pick<Source, 'name' | 'seeds' | 'waitSeconds'>>;

/** Every statement about sources. */
export class SourceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * A code that was removed can be added again.
   * @throws UsageError when the code is taken
   */
  async add(source: Omit<Source, 'createdAtMs'>, nowMs: number): Promise<Source> {
    const row = { ...toRow(source), created_ms: nowMs };
    await this.#database.write(async (tx) => {
      const added = await tx
        .insertInto('sources')
        .values({ code: source.code, ...row })
        .onConflict((conflict) =>
          conflict
            .column('code')
            .doUpdateSet({ ...row, removed_ms: null })
            .where('sources.removed_ms', 'is not', null),
        )
        .returning('id')
        .executeTakeFirst();
      if (added === undefined)
        throw new UsageError(`there is a source ${escapeToWidth(source.code, 80)} already.`);
    });
    return { ...source, createdAtMs: nowMs };
  }

  /**
   * Jobs that are there keep the seeds and the wait that they began with.
   * @throws UsageError when there is no such source
   */
  async edit(code: string, change: SourceChange): Promise<Source> {
    return await this.#database.write(async (tx) => {
      const before = await existingSource(tx, code);
      const after = { ...before, ...change };
      await tx.updateTable('sources').set(toRow(after)).where('code', '=', code).execute();
      return after;
    });
  }

  /**
   * Nothing of its jobs is removed.
   * @returns ids of unfinished jobs that need it: then it stays
   * @throws UsageError when there is no such source
   */
  async remove(code: string, nowMs: number): Promise<number[]> {
    return await this.#database.write(async (tx) => {
      await this.#database.oneAtATime(tx);
      await existingSource(tx, code);
      const jobs = await tx
        .selectFrom('jobs')
        .innerJoin('sources', 'sources.id', 'jobs.source_id')
        .select('jobs.id')
        .where('sources.code', '=', code)
        .where('jobs.status', 'in', unfinishedStatuses)
        .orderBy('jobs.id')
        .execute();
      if (jobs.length === 0)
        await tx.updateTable('sources').set({ removed_ms: nowMs }).where('code', '=', code).execute();
      return jobs.map(({ id }) => id);
    });
  }

  /** Those that were removed, too: their jobs are there. */
  async everyCode(): Promise<string[]> {
    return await this.#database.read(async (db) => {
      const rows = await db.selectFrom('sources').select('code').execute();
      return rows.map(({ code }) => code);
    });
  }

  async list(): Promise<Source[]> {
    return await this.#database.read(async (db) => {
      const rows = await present(db).orderBy('code').execute();
      return rows.map(fromRow);
    });
  }
}

function present(db: Reading) {
  return db.selectFrom('sources').selectAll().where('removed_ms', 'is', null);
}

async function existingSource(tx: Writing, code: string): Promise<Source> {
  const row = await present(tx).where('code', '=', code).executeTakeFirst();
  if (row === undefined)
    throw new UsageError(`there is no source ${escapeToWidth(code, 80)}.`, 'healtharchive sources list');
  return fromRow(row);
}

function toRow({ name, seeds, waitSeconds }: Required<SourceChange>) {
  return { name, seeds: JSON.stringify(seeds), wait_seconds: waitSeconds };
}

function fromRow(row: SourceRow): Source {
  return {
    code: row.code,
    name: row.name,
    seeds: JSON.parse(row.seeds) as string[],
    waitSeconds: row.wait_seconds,
    createdAtMs: row.created_ms,
  };
}
