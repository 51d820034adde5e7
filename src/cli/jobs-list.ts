import { Option, type Command } from 'commander';
import { jobStatuses, type Job, type JobStatus } from '../core/jobs/job.ts';
import { nextAttemptAt } from '../core/jobs/selection.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { JobStore } from '../store/job-store.ts';
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
}

export function addJobList(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('list')
    .description('list jobs: how each stands, and what it waits for')
    .addOption(new Option('--status <status>', 'only these').choices(jobStatuses))
    .option('--source <code>', 'only jobs of this source')
    .option('--limit <n>', 'only the newest ones, at most so many', parseCount)
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<ListOptions>();
      const configuration = readConfiguration(options, terminal);
      const nowMs = Date.now();
      const { status, source, limit } = options;
      const found = await withDatabase(
        configuration,
        async (database) =>
          await new JobStore(database).list({
            ...(status === undefined ? {} : { statuses: [status] }),
            ...(source === undefined ? {} : { source }),
            ...(limit === undefined ? {} : { limit }),
          }),
      );
      if (options.json === true) terminal.answerJson({ jobs: found.map((job) => jobJson(job, nowMs)) });
      else if (found.length === 0) terminal.say('There are no such jobs. To add one: healtharchive jobs add');
      else for (const line of jobTable(found, nowMs, terminal)) terminal.answer(line);
    });
  withHelp(command, {
    examples: [
      ['jobs list --status failed', 'what was given up'],
      ['jobs list --source hc --limit 5', 'the newest of one source'],
    ],
    exits: ['configuration'],
  });
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
