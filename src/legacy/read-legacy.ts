import { DatabaseSync } from 'node:sqlite';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import { OperatorError, UsageError } from '../core/errors.ts';
import type {
  LegacyConfig,
  LegacyData,
  LegacyJob,
  LegacyProblem,
  LegacySource,
} from '../core/legacy/legacy-rows.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { redact } from '../core/text/redact.ts';

type Row = Readonly<Record<string, unknown>>;

const answerMs = 30_000;

/**
 * Reads the original's tables, all of one moment; nothing is written to its database.
 * @param url as the original has it: `sqlite:////PATH`, `postgresql+psycopg://...`; or `sqlite:/PATH`
 * @throws UsageError for another address; OperatorError when it can't be read, or is not the original's
 */
export async function readLegacy(url: string): Promise<LegacyData> {
  const [sources, jobs] = await rowsOf(url);
  const problems: LegacyProblem[] = [];
  const understood = <T>(table: LegacyProblem['table'], rows: readonly Row[], schema: z.ZodType<T>): T[] =>
    rows.flatMap((row) => {
      const result = schema.safeParse(row);
      if (result.success) return [result.data];
      const [issue] = result.error.issues;
      const id = typeof row['id'] === 'number' ? row['id'] : null;
      problems.push({ table, id, because: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` });
      return [];
    });
  return {
    sources: understood('sources', sources, sourceRow),
    jobs: understood('archive_jobs', jobs, jobRow),
    problems,
  };
}

const statements = ['select * from sources order by id', 'select * from archive_jobs order by id'] as const;

async function rowsOf(url: string): Promise<readonly [readonly Row[], readonly Row[]]> {
  const file = /^sqlite(?:\+\w+)?:(?:\/\/)?(\/.*)$/.exec(url)?.[1]?.replace(/^\/+/, '/');
  if (file !== undefined) return fromSqlite(file);
  const address = url.replace(/^postgres(?:ql)?(?:\+\w+)?:\/\//, 'postgres://');
  if (address.startsWith('postgres://')) return await fromPostgres(address);
  throw new UsageError(
    `--from ${escapeToWidth(redact(url), 200)}: neither sqlite:////absolute/path nor postgresql://…`,
  );
}

/** Read-only, and nothing is put beside it: a file of ours there, root's perhaps, is one that the original could not write. */
function fromSqlite(file: string): readonly [readonly Row[], readonly Row[]] {
  const shown = escapeToWidth(file, 200);
  if (!existsSync(file)) throw new UsageError(`--from: there is no file ${shown}.`);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(isClosedWal(file) ? immutable(file) : file, { readOnly: true });
    database.exec('begin');
    const [sources, jobs] = statements.map((sql) => database?.prepare(sql).all() as Row[]);
    return [sources ?? [], jobs ?? []];
  } catch (error) {
    throw unreadable(shown, error);
  } finally {
    database?.close();
  }
}

/**
 * In WAL mode (byte 18 of the header is 2, https://www.sqlite.org/fileformat.html), with no log beside it: nobody has it open, and its reader would make
 * the log and its index anew.
 */
function isClosedWal(file: string): boolean {
  const header = Buffer.alloc(20);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, header, 0, header.length, 0);
  } finally {
    closeSync(fd);
  }
  return header[18] === 2 && !existsSync(`${file}-wal`);
}

/** As a file that nobody changes (https://www.sqlite.org/uri.html): no locks, no log. */
function immutable(file: string): URL {
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  return url;
}

async function fromPostgres(url: string): Promise<readonly [readonly Row[], readonly Row[]]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: answerMs,
    statement_timeout: answerMs,
    query_timeout: answerMs,
    application_name: 'healtharchive import',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('begin isolation level repeatable read read only');
    const rows: Row[][] = [];
    for (const sql of statements) rows.push((await client.query<Record<string, unknown>>(sql)).rows);
    return [rows[0] ?? [], rows[1] ?? []];
  } catch (error) {
    throw unreadable(redact(url), error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function unreadable(where: string, error: unknown): OperatorError {
  const said = error instanceof Error ? error.message : String(error);
  return new OperatorError(
    `the original’s database ${where} can’t be read: ${escapeToWidth(redact(said), 200)}.`,
    'is it the database of the original, with its tables sources and archive_jobs, and may this user read it?',
  );
}

/** PostgreSQL gives moments; SQLite what SQLAlchemy writes there, `2026-01-24 10:00:00.123456`, in UTC without saying so. */
const moment = z
  .union([z.date(), z.string()])
  .nullish()
  .transform((value, context) => {
    if (value === null || value === undefined) return null;
    if (value instanceof Date) return value.getTime();
    const text = value.trim().replace(' ', 'T');
    const ms = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
    if (!Number.isNaN(ms)) return ms;
    context.addIssue({ code: 'custom', message: `${escapeToWidth(value, 40)} is no time` });
    return z.NEVER;
  });
/** A bigint comes from PostgreSQL as text. */
const count = z
  .union([z.number(), z.string().regex(/^-?\d+$/)])
  .nullish()
  .transform((value) => Number(value ?? 0));
const text = z
  .string()
  .nullish()
  .transform((value) => (value === undefined || value === '' ? null : value));

const sourceRow: z.ZodType<LegacySource> = z
  .object({
    id: z.number(),
    code: z.string(),
    name: text,
    base_url: text,
    enabled: z.union([z.boolean(), z.number()]).nullish(),
  })
  .transform(({ id, code, name, base_url, enabled }) => ({
    id,
    code,
    name,
    baseUrl: base_url,
    isEnabled: Boolean(enabled ?? true),
  }));

const jobRow: z.ZodType<LegacyJob> = z
  .object({
    id: z.number(),
    source_id: z.number().nullish(),
    name: z.string().min(1),
    output_dir: z.string().startsWith('/'),
    status: z.string(),
    created_at: moment,
    queued_at: moment,
    started_at: moment,
    finished_at: moment,
    retry_count: count,
    config: z.unknown(),
    crawler_exit_code: z.number().nullish(),
    crawler_status: text,
    crawler_stage: text,
    pages_crawled: count,
    pages_failed: count,
    warc_file_count: count,
    warc_bytes_total: count,
    final_zim_path: text,
    combined_log_path: text,
  })
  .transform((row) => ({
    id: row.id,
    sourceId: row.source_id ?? null,
    name: row.name,
    outputDir: row.output_dir.replace(/(.)\/+$/, '$1'),
    status: row.status,
    createdAtMs: row.created_at,
    queuedAtMs: row.queued_at,
    startedAtMs: row.started_at,
    finishedAtMs: row.finished_at,
    retryCount: row.retry_count,
    config: configOf(row.config),
    crawlerExitCode: row.crawler_exit_code ?? null,
    crawlerStatus: row.crawler_status,
    crawlerStage: row.crawler_stage,
    pagesCrawled: row.pages_crawled,
    pagesFailed: row.pages_failed,
    warcFiles: row.warc_file_count,
    warcBytes: row.warc_bytes_total,
    finalZimPath: row.final_zim_path,
    combinedLogPath: row.combined_log_path,
  }));

const configSchema = z.looseObject({
  seeds: z.array(z.string()).nullish(),
  campaign_kind: z.string().nullish(),
  campaign_year: z.union([z.number(), z.string().regex(/^\d{4}$/)]).nullish(),
  tool_options: z.record(z.string(), z.unknown()).nullish(),
  zimit_passthrough_args: z.array(z.unknown()).nullish(),
});

/** JSON in PostgreSQL, its text in SQLite. */
function configOf(value: unknown): LegacyConfig | null {
  let document = value;
  try {
    if (typeof value === 'string') document = JSON.parse(value);
  } catch {
    return null;
  }
  const config = configSchema.safeParse(document);
  if (!config.success) return null;
  const { seeds, campaign_kind, campaign_year, tool_options, zimit_passthrough_args } = config.data;
  const set = Object.entries(tool_options ?? {}).filter(([, option]) => (option ?? false) !== false);
  return {
    seeds: seeds ?? [],
    campaignKind: campaign_kind ?? null,
    campaignYear: Number(campaign_year ?? Number.NaN) || null,
    crawlerOptions: [
      ...set.map(([name]) => name),
      ...(zimit_passthrough_args ?? []).map((argument) => escapeToWidth(String(argument), 60)),
    ],
  };
}
