import { Option, type Command } from 'commander';
import { jobStatuses, type Job, type JobStatus } from '../core/jobs/job.ts';
import { nextAttemptAt } from '../core/jobs/selection.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { JobQueries, type JobFilter } from '../store/job-queries.ts';
import { parseCount } from './arguments.ts';
import { withHelp } from './help.ts';
import { jobJson } from './job-json.ts';
import { readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { formatBytes, formatMinute, formatMoment, formatTable, type Cell, type Style } from './table.ts';
import type { Terminal } from './terminal.ts';

interface ListOptions extends GlobalOptions {
  readonly status?: JobStatus;
  readonly source?: string;
  readonly limit?: number;
  readonly all?: boolean;
}

/** So many are looked through at a glance. */
const newest = 50;
/** Rows that are in memory at a time. */
const pageSize = 1000;

export function addJobList(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('list')
    .description('list jobs: how each stands, and what it waits for')
    .addOption(new Option('--status <status>', 'only these').choices(jobStatuses))
    .option('--source <code>', 'only jobs of this source')
    .addOption(
      new Option('--limit <n>', `only the newest ones, so many (default: ${newest})`).argParser(parseCount),
    )
    .addOption(new Option('--all', 'all of them').conflicts('limit'))
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<ListOptions>();
      const configuration = readConfiguration(options, terminal);
      const nowMs = Date.now();
      await withDatabase(configuration, async (database) => {
        const store = new JobQueries(database);
        const { status, source } = options;
        const filter: JobFilter = {
          ...(status === undefined ? {} : { statuses: [status] }),
          ...(source === undefined ? {} : { source }),
        };
        const limit = options.all === true ? Number.POSITIVE_INFINITY : (options.limit ?? newest);
        if (options.json === true) await listAsJson(store, filter, limit, nowMs, terminal);
        else await listForPeople(store, filter, limit, options, nowMs, terminal);
      });
    });
  withHelp(command, {
    examples: [
      ['jobs list --status failed', 'what was given up'],
      ['jobs list --source hc --limit 5', 'the newest of one source'],
    ],
    exits: ['configuration'],
  });
}

/** Page by page, in the order of their ids: a million jobs are more than memory should hold. */
async function* pages(store: JobQueries, filter: JobFilter, limit: number): AsyncGenerator<readonly Job[]> {
  const isAll = !Number.isFinite(limit);
  if (!isAll && limit <= pageSize) {
    yield await store.list({ ...filter, limit });
    return;
  }
  for (let afterId = isAll ? 0 : await store.idBeforeNewest(filter, limit); ;) {
    const page = await store.listAfter(afterId, filter, pageSize);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    afterId = last.id;
  }
}

/** As one document, written while it is read: a job is written when it is known whether one follows. */
async function listAsJson(
  store: JobQueries,
  filter: JobFilter,
  limit: number,
  nowMs: number,
  terminal: Terminal,
): Promise<void> {
  let last: string | null = null;
  for await (const page of pages(store, filter, limit)) {
    const lines: string[] = [];
    for (const job of page) {
      lines.push(last === null ? '{\n  "jobs": [' : `${last},`);
      last = JSON.stringify(jobJson(job, nowMs), null, 2).replace(/^/gm, '    ');
    }
    terminal.answer(lines.join('\n'));
    if (terminal.isClosed()) return;
  }
  terminal.answer(last === null ? '{\n  "jobs": []\n}' : `${last}\n  ]\n}`);
}

async function listForPeople(
  store: JobQueries,
  filter: JobFilter,
  limit: number,
  options: ListOptions,
  nowMs: number,
  terminal: Terminal,
): Promise<void> {
  let count = 0;
  for await (const page of pages(store, filter, limit)) {
    // The columns are as wide as each page needs them; what they are is said once.
    const lines = page.length === 0 ? [] : jobTable(page, nowMs, terminal);
    if (lines.length > 0) terminal.answer((count === 0 ? lines : lines.slice(1)).join('\n'));
    count += page.length;
    if (terminal.isClosed()) return;
  }
  if (count === 0) terminal.say('There are no such jobs. To add one: healtharchive jobs add');
  const isCut = options.all !== true && options.limit === undefined && count === newest;
  if (isCut) terminal.say(`These are the newest ${newest}; all of them: --all.`);
}

/** From this width on there is room for what one seldom asks for. */
const wideFrom = 110;

/** One line a job: what it is, how it stands, what it waits for. It fits the screen, where there is one. */
export function jobTable(
  jobs: readonly Job[],
  nowMs: number,
  { columns: width, hasColours }: Pick<Terminal, 'columns' | 'hasColours'>,
): string[] {
  const isWide = width === undefined || width >= wideFrom;
  const wide = <T>(...cells: readonly T[]): readonly T[] => (isWide ? cells : []);
  const header = [
    'ID',
    ...wide('SOURCE'),
    'NAME',
    'STATUS',
    ...wide('LAST CRAWL', 'ATTEMPTS'),
    'PAGES',
    'SIZE',
    'NOTE',
  ];
  const rows = jobs.map((job): readonly Cell[] => [
    String(job.id),
    ...wide(escapeToWidth(job.source, 32)),
    escapeToWidth(job.name, 255),
    { text: job.status, style: styleOf(job) },
    ...wide(job.crawlerStatus ?? '', String(job.attempts)),
    job.progress === null ? '' : String(job.progress.pages),
    job.progress === null ? '' : formatBytes(job.progress.bytes),
    noteOn(job, nowMs),
  ]);
  const narrowest = { [header.indexOf('NAME')]: 12, [header.length - 1]: 32 };
  return formatTable(header, rows, { width, narrowest, hasColours });
}

function styleOf(job: Job): Style {
  if (job.parked !== null) return 'yellow';
  const styles: Record<JobStatus, Style> = {
    queued: 'reset',
    running: 'cyan',
    retryable: 'yellow',
    completed: 'green',
    failed: 'red',
    cancelled: 'dim',
  };
  return styles[job.status];
}

/** Of a running job what it asks for, of a waiting one why it waits and until when (UTC), of a failed one why. */
function noteOn(job: Job, nowMs: number): Cell {
  if (job.status === 'running') {
    if (job.stopRequest !== null) return { text: 'is asked to stop', style: 'yellow' };
    return escapeToWidth((job.progress?.currentUrl ?? '').replace(/^https?:\/\//, ''), 120);
  }
  if (job.parked !== null) {
    const { reason, sinceMs } = job.parked;
    return { text: `parked: ${reason} since ${formatMinute(sinceMs, nowMs)}`, style: 'yellow' };
  }
  const next = nextAttemptAt(job, nowMs);
  if (next !== null && next > nowMs) {
    const why = job.crawlerStatus === null ? '' : `, ${job.crawlerStatus.replaceAll('_', ' ')}`;
    return `again ${formatMoment(next, nowMs)}${why}`;
  }
  return job.status === 'failed' ? escapeToWidth(job.lastError ?? '', 200) : '';
}
