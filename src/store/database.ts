import { setTimeout as sleep } from 'node:timers/promises';
import { type CompiledQuery, Kysely, type Logger, sql, type Transaction } from 'kysely';
import { DatabaseUnavailableError, OperatorError } from '../core/errors.ts';
import { postgresDialect, translatePostgresError } from './postgres.ts';
import type { Schema } from './tables.ts';
import {
  assertMayWrite,
  isSqliteBusy,
  openSqlite,
  sqliteDialect,
  sqliteFileIdentity,
  translateSqliteError,
} from './sqlite.ts';

export type DatabaseKind = 'sqlite' | 'postgres';
export type Reading = Kysely<Schema>;
export type Writing = Transaction<Schema>;

interface OpenDatabase {
  readonly kysely: Kysely<Schema>;
  /** Device and inode of the SQLite file; null for PostgreSQL. */
  readonly fileIdentity: string | null;
}

/** "heal" in ASCII. */
const advisoryLockKey = 0x6865616c;

/** How long a call waits for other writers, unless it is told otherwise. */
const defaultPatienceMs = 10_000;

/**
 * SQLite or PostgreSQL behind the same two doors. Errors that pass come out as DatabaseUnavailableError, those that
 * don't as DatabaseUnusableError.
 */
export class Database {
  readonly kind: DatabaseKind;
  readonly #url: string;
  readonly #patienceMs: number;
  readonly #create: boolean;
  #open: OpenDatabase | null = null;
  readonly #log: Logger | undefined;

  /**
   * @param url `sqlite:/absolute/path` or `postgres://...`
   * @param options.create make a missing SQLite file
   * @param options.patienceMs how long a call goes on trying while the database is locked by others
   * @param options.onStatement is told of each statement that was carried out; for measurements
   */
  constructor(
    url: string,
    options: { create?: boolean; patienceMs?: number; onStatement?: (statement: CompiledQuery) => void } = {},
  ) {
    this.kind = url.startsWith('sqlite:') ? 'sqlite' : 'postgres';
    this.#url = url;
    this.#create = options.create ?? false;
    this.#patienceMs = options.patienceMs ?? defaultPatienceMs;
    const { onStatement } = options;
    if (onStatement !== undefined)
      this.#log = (event) => {
        onStatement(event.query);
      };
  }

  /** SQLite only: the file. */
  get #path(): string {
    return this.#url.slice('sqlite:'.length);
  }

  /**
   * SQLite: makes sure that this user may write the database.
   * @throws DatabaseUnusableError
   */
  assertPermission(): void {
    if (this.kind === 'sqlite') assertMayWrite(this.#path);
  }

  async read<T>(query: (db: Reading) => Promise<T>): Promise<T> {
    return await this.#withPatience((kysely) => query(kysely));
  }

  /** Runs `work` in one transaction: all of it or nothing. It may run more than once, so it has no other effects. */
  async write<T>(work: (transaction: Writing) => Promise<T>): Promise<T> {
    return await this.#withPatience((kysely) => kysely.transaction().execute(work));
  }

  /**
   * PostgreSQL: the transaction waits until no other one that calls this is open, so that two migrations, or two additions of a
   * job, can't come between each other. SQLite: `begin immediate` does it.
   */
  async oneAtATime(transaction: Writing): Promise<void> {
    if (this.kind === 'postgres')
      await sql`select pg_advisory_xact_lock(${advisoryLockKey})`.execute(transaction);
  }

  /** The database server's clock in milliseconds since the epoch, or null where there is no server (SQLite). */
  async serverNowMs(): Promise<number | null> {
    if (this.kind === 'sqlite') return null;
    return await this.read(async (db) => {
      const { rows } = await sql<{
        now: number;
      }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`.execute(db);
      return rows[0]?.now ?? null;
    });
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.kysely.destroy();
  }

  async #withPatience<T>(work: (kysely: Kysely<Schema>) => Promise<T>): Promise<T> {
    const giveUpAtMs = performance.now() + this.#patienceMs;
    for (let pauseMs = 20; ; pauseMs = Math.min(2 * pauseMs, 500)) {
      try {
        return await work(await this.#connected());
      } catch (error) {
        if (isSqliteBusy(error) && performance.now() + pauseMs < giveUpAtMs) {
          await sleep(pauseMs);
          continue;
        }
        throw this.#translate(error);
      }
    }
  }

  async #connected(): Promise<Kysely<Schema>> {
    if (this.kind === 'postgres') {
      if (this.#open === null) {
        const dialect = await postgresDialect(this.#url);
        // Another call may have come before; a pool that is not used has no connections.
        this.#open ??= {
          kysely: new Kysely<Schema>({ dialect, ...this.#logging() }),
          fileIdentity: null,
        };
      }
      return this.#open.kysely;
    }
    // An open SQLite file that was removed or replaced still takes writes, and they are lost: so we look each time.
    const identity = sqliteFileIdentity(this.#path);
    if (this.#open !== null && this.#open.fileIdentity !== identity) {
      await this.close();
      if (identity === null) throw new DatabaseUnavailableError(`the database ${this.#path} was removed.`);
    }
    if (this.#open === null) {
      const file = openSqlite(this.#path, this.#create);
      this.#open = {
        kysely: new Kysely<Schema>({ dialect: sqliteDialect(file.database), ...this.#logging() }),
        fileIdentity: file.identity,
      };
    }
    return this.#open.kysely;
  }

  #logging() {
    return this.#log === undefined ? {} : { log: this.#log };
  }

  #translate(error: unknown): unknown {
    if (error instanceof OperatorError) return error;
    return this.kind === 'sqlite'
      ? translateSqliteError(error, this.#path)
      : translatePostgresError(error, this.#url);
  }
}
