/** Something to crawl on a host, and jobs as the database has them. */
import type { Host } from './host.ts';
import type { Installation } from './installation.ts';
import { waitFor } from './wait-for.ts';

/** Where `install` puts it. */
export const DATABASE = '/srv/healtharchive/db/healtharchive.db';
export const SITE_UNIT = 'lab-site.service';
const NODE = '/opt/healtharchive/node_modules/.bin/node';
const PORT = 8001;
const SEED = `http://127.0.0.1:${PORT}/en/`;

/** A job as its row has it. */
export interface StoredJob {
  readonly id: number;
  readonly status: string;
  readonly crawler_status: string | null;
  readonly attempts: number;
  readonly retry_count: number;
  readonly output_dir: string;
  readonly last_error: string | null;
  readonly infra_retry_ms: number | null;
  readonly parked_reason: string | null;
  readonly progress: { readonly pages: number; readonly bytes: number } | null;
}

export interface CrawledSite {
  /** Numbered pages. Default: more than any test waits for. */
  readonly pages?: number;
  /** Pause before each page. Default 300. */
  readonly delayMs?: number;
}

/** A web site as a service, so that it is there again after a restart of the host, and the source `hc`, which is that site. */
export async function addSite(
  host: Host,
  installation: Installation,
  { pages = 4000, delayMs = 300 }: CrawledSite = {},
): Promise<void> {
  const options = ['--pages', pages, '--delay-ms', delayMs, '--port', PORT, '--log'].join(' ');
  await host.installUnit(
    SITE_UNIT,
    `[Service]\nExecStart=${NODE} /opt/healtharchive/lab/site.ts ${options}\n[Install]\nWantedBy=multi-user.target\n`,
  );
  await host.runOk(['systemctl', 'enable', '--now', '--quiet', SITE_UNIT]);
  await waitFor('the site', async () => (await host.journal(SITE_UNIT)).includes('"url"'), 20_000);
  await installation.json(
    'sources',
    'add',
    '--code',
    'hc',
    '--name',
    'Health Canada',
    '--seed',
    SEED,
    '--wait-seconds',
    '0',
  );
}

/** What the site was asked for so far, in order: host and decoded path. */
export async function hitsOfSite(host: Host): Promise<string[]> {
  const lines = (await host.journal(SITE_UNIT)).split('\n');
  return lines.filter((line) => line.startsWith('hit ')).map((line) => line.slice('hit '.length));
}

/** Puts a crawl of the source `hc` into the queue; returns the job's id. */
export async function addJob(installation: Installation, name: string, outputDir?: string): Promise<number> {
  const place = outputDir === undefined ? [] : ['--output-dir', outputDir];
  const job = await installation.json('jobs', 'add', '--source', 'hc', '--name', name, ...place);
  return (job as { id: number }).id;
}

/** Asks SQLite itself: jobs are asked for again and again, and the command line takes ten times as long to start. */
export async function storedJobs(host: Host): Promise<readonly StoredJob[]> {
  const sql = `select id, status, crawler_status, attempts, retry_count, output_dir, last_error, infra_retry_ms,
    parked_reason, progress from jobs`;
  const argv = ['sqlite3', '-readonly', '-json', '-cmd', '.timeout 5000', DATABASE, sql];
  const text = await host.runOk(argv, { user: 'healtharchive' });
  const rows = JSON.parse(text === '' ? '[]' : text) as (StoredJob & { progress: string | null })[];
  return rows.map((row) => ({
    ...row,
    progress: row.progress === null ? null : (JSON.parse(row.progress) as StoredJob['progress']),
  }));
}

export async function storedJob(host: Host, id: number): Promise<StoredJob> {
  const job = (await storedJobs(host)).find((each) => each.id === id);
  if (job === undefined) throw new Error(`there is no job ${id}`);
  return job;
}
