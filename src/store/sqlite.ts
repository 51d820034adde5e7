import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type SqliteDatabase,
  type SqliteStatement,
} from 'kysely';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../core/errors.ts';
import { ownUserName } from '../effects/user-ids.ts';

/**
 * How long SQLite itself waits for another writer before it says busy. It waits inside a synchronous call, so it is
 * short; what takes longer is tried again by Database, without blocking the event loop.
 */
const busyTimeoutMs = 250;

class NodeSqliteDriver extends SqliteDriver {
  readonly #file: DatabaseSync;

  constructor(file: DatabaseSync) {
    super({ database: asKyselyDatabase(file) });
    this.#file = file;
  }

  /** At once with the write lock: a transaction that would only later ask for it can fail half-way with "busy". */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  /** On a full disk SQLite has rolled back already; to ask for it again would hide the error that says why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#file.isTransaction) await super.rollbackTransaction(connection);
  }
}

/** There are a few dozen statements; but lists of ids make as many as there are lengths. */
const statementsKept = 200;

/** Lets Kysely's SQLite driver, made for better-sqlite3, work on Node's own SQLite. Statements are prepared once. */
function asKyselyDatabase(database: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => {
      prepared.clear();
      database.close();
    },
    prepare: (sql) => {
      const known = prepared.get(sql);
      if (known !== undefined) return known;
      const statement = database.prepare(sql);
      const made = {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...(parameters as never[])),
        run: (parameters: readonly unknown[]) => statement.run(...(parameters as never[])),
        iterate: (parameters: readonly unknown[]) =>
          statement.iterate(...(parameters as never[])) as IterableIterator<unknown>,
      };
      if (prepared.size >= statementsKept) prepared.clear();
      prepared.set(sql, made);
      return made;
    },
  };
}

export function sqliteDialect(database: DatabaseSync): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new NodeSqliteDriver(database),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

export interface SqliteFile {
  readonly database: DatabaseSync;
  /** Device and inode of the file that is open: another file under the same name is another database. */
  readonly identity: string;
}

/** Device and inode of the file at `path`, or null when there is none. The path is on local disk. */
export function sqliteFileIdentity(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}

/**
 * Opens a database file in write-ahead-log mode with full synchronisation: a commit survives a power cut.
 * @param create whether a missing file is made; only `db migrate` and `init` do that
 * @throws DatabaseUnusableError when the file is missing; SQLite's own errors otherwise
 */
export function openSqlite(path: string, create: boolean): SqliteFile {
  if (!create && sqliteFileIdentity(path) === null) {
    throw new DatabaseUnusableError(`the database ${path} does not exist.`, 'healtharchive db migrate');
  }
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on');
  } catch (error) {
    database.close();
    throw error;
  }
  return { database, identity: sqliteFileIdentity(path) ?? '' };
}

/**
 * Makes sure that this user may write the database file, and the folder it lies in, where SQLite keeps its log.
 * @throws DatabaseUnusableError that names the folder or file, and the user
 */
export function assertMayWrite(path: string): void {
  const folder = dirname(path);
  if (!isDenied(folder, constants.F_OK) && !existsSync(folder))
    throw new DatabaseUnusableError(
      `the folder of the database, ${folder}, does not exist.`,
      `make it, for the user of the worker: install -d -o USER -m 0750 ${folder}`,
    );
  const user = ownUserName();
  if (isDenied(folder, constants.W_OK | constants.X_OK))
    throw new DatabaseUnusableError(
      `the folder of the database, ${folder}, can't be written by user ${user}, who runs this.`,
      `chown ${user} ${folder}, or run it as the user whose folder it is`,
    );
  if (isDenied(path, constants.R_OK | constants.W_OK))
    throw new DatabaseUnusableError(
      `the database ${path} can't be written by user ${user}, who runs this.`,
      `chown ${user} ${path}, or run it as the user whose file it is`,
    );
}

/** Only what is forbidden: what is missing, or lies on a read-only disk, is another matter. */
function isDenied(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

// Primary result codes, https://www.sqlite.org/rescode.html
const unusable: Record<number, string> = { 11: 'is damaged', 26: 'is not a SQLite database' };
const unavailable: Record<number, string> = {
  5: 'is locked by another process',
  6: 'is locked',
  8: 'is read-only',
  10: 'has a disk I/O error',
  13: 'has no room: the disk is full',
  14: 'cannot be opened',
  15: 'has a locking problem',
};

/** An error of SQLite as an error of ours; anything else as it is. */
export function translateSqliteError(error: unknown, path: string): unknown {
  const { code, errcode, message } = error as { code?: string; errcode?: number; message?: string };
  if (code === 'EACCES' || code === 'EPERM')
    return new DatabaseUnusableError(
      `the database ${path} can't be reached by user ${ownUserName()}, who runs this: its folder is closed (${code}).`,
      'run it as root, or as the user whose folder it is',
    );
  if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) return error;
  const primary = errcode & 0xff;
  const broken = unusable[primary];
  if (broken !== undefined) {
    return new DatabaseUnusableError(`the database ${path} ${broken}.`, 'restore it from a backup');
  }
  if (message !== undefined && /^no such (table|column)/.test(message))
    return new DatabaseUnusableError(
      `the database ${path} is not migrated (${message}).`,
      'healtharchive db migrate',
    );
  // 8: read-only, 14: can't be opened. Permissions don't come by themselves.
  if (primary === 8 || primary === 14) {
    try {
      assertMayWrite(path);
    } catch (denied) {
      return denied;
    }
  }
  const away = unavailable[primary];
  return away === undefined
    ? error
    : new DatabaseUnavailableError(`the database ${path} ${away} (SQLite: ${message ?? ''}).`);
}

export function isSqliteBusy(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number };
  return code === 'ERR_SQLITE_ERROR' && errcode !== undefined && [5, 6].includes(errcode & 0xff);
}
