import { Option, type Command } from 'commander';
import type { UrlCounts } from '../core/crawler/crawl-report.ts';
import { jobStatuses, type Job, type JobStatus } from '../core/jobs/job.ts';
import { nextAttemptAt } from '../core/jobs/selection.ts';
import { escapeForTerminal, escapeToWidth } from '../core/text/escape.ts';
import { JobStore } from '../store/job-store.ts';
import type { AttemptRow, EventRow } from '../store/schema.ts';
import { withHelp } from './command.ts';
import { existingJob, parseJobId } from './job-id.ts';
import { attemptJson, eventJson, jobJson } from './job-json.ts';
import { readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { formatBytes, formatTable, formatTime } from './table.ts';
import type { Terminal } from './terminal.ts';

interface ListOptions extends GlobalOptions {
  readonly status?: JobStatus;
}

export function addJobList(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('list')
    .description('list jobs')
    .addOption(new Option('--status <status>', 'only these').choices(jobStatuses))
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<ListOptions>();
      const configuration = readConfiguration(options, terminal);
      const nowMs = Date.now();
      const found = await withDatabase(
        configuration,
        async (database) =>
          await new JobStore(database).list(options.status === undefined ? undefined : [options.status]),
      );
      if (options.json === true) terminal.answerJson({ jobs: found.map((job) => jobJson(job, nowMs)) });
      else for (const line of jobTable(found, nowMs)) terminal.answer(line);
    });
  withHelp(command, {
    examples: [['jobs list --status failed', 'what was given up']],
    exits: ['configuration'],
  });
}

/** One line a job: what it is, how it stands, what it waits for. */
export function jobTable(jobs: readonly Job[], nowMs: number): string[] {
  const rows = jobs.map((job) => [
    String(job.id),
    escapeToWidth(job.source, 12),
    escapeToWidth(job.name, 40),
    job.parked === null ? job.status : `${job.status} (parked: ${job.parked.reason})`,
    job.crawlerStatus ?? '',
    String(job.attempts),
    job.progress === null ? '' : String(job.progress.pages),
    job.progress === null ? '' : formatBytes(job.progress.bytes),
    waitsFor(job, nowMs),
  ]);
  return formatTable(
    ['ID', 'SOURCE', 'NAME', 'STATUS', 'LAST CRAWL', 'ATTEMPTS', 'PAGES', 'SIZE', 'NOTE'],
    rows,
  );
}

function waitsFor(job: Job, nowMs: number): string {
  if (job.status === 'running') return escapeToWidth(job.progress?.currentUrl ?? '', 60);
  const next = nextAttemptAt(job, nowMs);
  if (next !== null && next > nowMs) return `next attempt ${formatTime(next)}`;
  return job.status === 'failed' ? escapeToWidth(job.lastError ?? '', 80) : '';
}

export function addJobShow(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('show')
    .description('everything about one job: its attempts and its history')
    .argument('<id>', 'id of the job', parseJobId)
    .option('--json', 'answer as JSON')
    .action(async (id: number, _options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const configuration = readConfiguration(options, terminal);
      const nowMs = Date.now();
      const { job, attempts, events } = await withDatabase(configuration, async (database) => {
        const store = new JobStore(database);
        return { job: await existingJob(store, id), ...(await store.history(id)) };
      });
      if (options.json === true) {
        terminal.answerJson({
          ...jobJson(job, nowMs),
          attempt_list: attempts.map(attemptJson),
          events: events.map(eventJson),
        });
        return;
      }
      for (const line of describeJob(job, attempts, events, nowMs)) terminal.answer(line);
    });
  withHelp(command, { examples: [['jobs show 12', 'why did it fail?']], exits: ['configuration'] });
}

/** Of all attempts together. */
function urlCounts(counts: UrlCounts | null): string | null {
  if (counts === null) return null;
  const { archived, failed, barred, queued } = counts;
  return `${archived} archived, ${failed} failed, ${barred} barred, ${queued} queued`;
}

function describeJob(
  job: Job,
  attempts: readonly AttemptRow[],
  events: readonly EventRow[],
  nowMs: number,
): string[] {
  const facts: [string, string | null][] = [
    ['job', `${job.id}  ${escapeForTerminal(job.name)}`],
    ['source', escapeForTerminal(job.source)],
    ['status', job.status],
    ['last crawl', job.crawlerStatus],
    ['last error', job.lastError === null ? null : escapeForTerminal(job.lastError)],
    [
      'parked',
      job.parked === null
        ? null
        : `${job.parked.reason} since ${formatTime(job.parked.sinceMs)}: ${escapeForTerminal(job.parked.detail)}`,
    ],
    ['next attempt', formatTime(nextAttemptAt(job, nowMs)) || null],
    ['output', escapeForTerminal(job.outputDir)],
    ['seeds', escapeForTerminal(job.seeds.join(' '))],
    ['retries used', String(job.retryCount)],
    ['worker', job.lease === null ? null : escapeForTerminal(`${job.lease.worker} on ${job.lease.host}`)],
    [
      'progress',
      job.progress === null ? null : `${job.progress.pages} pages, ${formatBytes(job.progress.bytes)}`,
    ],
    ['addresses', urlCounts(job.progress?.urls ?? null)],
  ];
  const shown = facts.filter((fact): fact is [string, string] => fact[1] !== null);
  const lines = shown.map(([key, value]) => `${key.padEnd(13)} ${value}`);
  const attemptRows = attempts.map((attempt) => [
    String(attempt.number),
    formatTime(attempt.started_ms),
    formatTime(attempt.finished_ms),
    attempt.outcome ?? 'running',
    String(attempt.pages),
    formatBytes(attempt.bytes),
    escapeForTerminal(attempt.because ?? ''),
  ]);
  const eventRows = events.map((event) => [
    formatTime(event.at_ms),
    escapeToWidth(event.actor, 30),
    event.kind,
    escapeForTerminal(event.because),
  ]);
  return [
    ...lines,
    '',
    ...formatTable(
      ['ATTEMPT', 'STARTED (UTC)', 'FINISHED', 'OUTCOME', 'PAGES', 'SIZE', 'BECAUSE'],
      attemptRows,
    ),
    '',
    ...formatTable(['TIME (UTC)', 'WHO', 'EVENT', 'WHY'], eventRows),
  ];
}
