import { UsageError } from '../core/errors.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { Database } from './database.ts';

/** A public body's web sites. */
export interface Source {
  readonly code: string;
  readonly name: string;
  readonly seeds: readonly string[];
  /** Pause between two requests to the source. */
  readonly waitSeconds: number;
  readonly createdAtMs: number;
}

/** Every statement about sources. */
export class SourceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws UsageError when the code is taken */
  async add(source: Omit<Source, 'createdAtMs'>, nowMs: number): Promise<Source> {
    await this.#database.write(async (tx) => {
      const added = await tx
        .insertInto('sources')
        .values({
          code: source.code,
          name: source.name,
          seeds: JSON.stringify(source.seeds),
          wait_seconds: source.waitSeconds,
          created_ms: nowMs,
        })
        .onConflict((conflict) => conflict.column('code').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (added === undefined)
        throw new UsageError(`there is a source ${escapeToWidth(source.code, 80)} already.`);
    });
    return { ...source, createdAtMs: nowMs };
  }

  async list(): Promise<Source[]> {
    return await this.#database.read(async (db) => {
      const rows = await db.selectFrom('sources').selectAll().orderBy('code').execute();
      return rows.map((row) => ({
        code: row.code,
        name: row.name,
        seeds: JSON.parse(row.seeds) as string[],
        waitSeconds: row.wait_seconds,
        createdAtMs: row.created_ms,
      }));
    });
  }
}
