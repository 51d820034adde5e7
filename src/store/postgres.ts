import { PostgresDialect, type Dialect } from 'kysely';
import type { PoolClient } from 'pg';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../core/errors.ts';
import { preparedName } from './compiled.ts';

const connectTimeoutMs = 5000;
const statementTimeoutMs = 10_000;

/** PostgreSQL through a small pool of connections; every wait for it has a limit. */
export async function postgresDialect(url: string): Promise<Dialect> {
  // Only now: who has SQLite need not wait for it.
  const { default: pg } = await import('pg');
  // bigint columns hold milliseconds, bytes and ids, far below 2^53, so they are read as numbers.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number);
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // A server that vanished without a word: no call waits for it longer than this.
    query_timeout: statementTimeoutMs + 1000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    application_name: 'healtharchive',
    allowExitOnIdle: true,
  });
  // A connection that the server closed is replaced at the next use, and a query that needs it fails with an error of its
  // own. Without a listener, on the pool for idle ones and on each for those in use, it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    prepareNamed(client);
  });
  return new PostgresDialect({ pool });
}

/** Statements that have a name are parsed and planned once for each connection; Kysely has no word for it. */
function prepareNamed(client: PoolClient): void {
  const query = client.query.bind(client) as (query: object | string, values?: unknown[]) => unknown;
  client.query = ((text: object | string, values?: unknown[]) => {
    const name = typeof text === 'string' ? preparedName(text) : undefined;
    return name === undefined ? query(text, values) : query({ name, text, values });
  }) as typeof client.query;
}

/** The address without user and password, for messages. */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return 'postgres://…';
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

// SQLSTATE classes, https://www.postgresql.org/docs/current/errcodes-appendix.html
const unusableStates = ['3D000', '28000', '28P01', '42501'];
/** No such table, no such column. */
const unmigratedStates = ['42P01', '42703'];
const unavailableClasses = ['08', '53', '57', '58', '25', '40', '55'];
const unavailableErrnos = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
];
const unavailableMessages =
  /timeout|Connection terminated|Client has encountered a connection error|Query read timeout/i;

/** An error of PostgreSQL or of the way to it as an error of ours; anything else as it is. */
export function translatePostgresError(error: unknown, url: string): unknown {
  if (!(error instanceof Error)) return error;
  const where = withoutSecrets(url);
  const code = (error as Error & { code?: string }).code ?? '';
  const message = error.message === '' ? code : error.message;
  if (unusableStates.includes(code)) return new DatabaseUnusableError(`the database ${where}: ${message}.`);
  if (unmigratedStates.includes(code))
    return new DatabaseUnusableError(
      `the database ${where} is not migrated (${message}).`,
      'healtharchive db migrate',
    );
  const isAway =
    unavailableErrnos.includes(code) ||
    (/^[0-9A-Z]{5}$/.test(code) && unavailableClasses.includes(code.slice(0, 2))) ||
    (code === '' && unavailableMessages.test(message));
  return isAway ? new DatabaseUnavailableError(`the database ${where} does not answer: ${message}.`) : error;
}
