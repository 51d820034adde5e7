import type { Command } from 'commander';
import type { UrlCounts } from '../core/crawler/crawl-report.ts';
import type { Job } from '../core/jobs/job.ts';
import { nextAttemptAt } from '../core/jobs/selection.ts';
import { escapeForTerminal, escapeToWidth } from '../core/text/escape.ts';
import { wrap } from '../core/text/wrap.ts';
import { JobQueries } from '../store/job-queries.ts';
import type { AttemptRow, EventRow } from '../store/tables.ts';
import { existingJob, parseJobId } from './arguments.ts';
import { withHelp } from './help.ts';
import { attemptJson, eventJson, jobJson } from './job-json.ts';
import { readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { cutToWidth, formatBytes, formatDuration, formatTable, formatTime } from './table.ts';
import { pageWidth, type Terminal } from './terminal.ts';

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
        const store = new JobQueries(database);
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
      for (const line of describeJob(job, attempts, events, nowMs, pageWidth(terminal)))
        terminal.answer(line);
    });
  withHelp(command, { examples: [['jobs show 12', 'why did it fail?']], exits: ['configuration'] });
}

const labelWidth = 14;

/** A page about a job, no line wider than the screen: what is longer is cut, and whole in the JSON. */
function describeJob(
  job: Job,
  attempts: readonly AttemptRow[],
  events: readonly EventRow[],
  nowMs: number,
  width: number,
): string[] {
  const facts = factsOf(job, nowMs).flatMap(([label, value]) =>
    value === null || value === ''
      ? []
      : paragraph(escapeForTerminal(value), width, label.padEnd(labelWidth), ' '.repeat(labelWidth)),
  );
  const page = [...facts];
  if (attempts.length > 0) page.push('', ...describeAttempts(attempts, nowMs, width));
  page.push('', ...describeEvents(events, width));
  return page;
}

function factsOf(job: Job, nowMs: number): [label: string, value: string | null][] {
  const { parked, lease, progress } = job;
  return [
    ['job', `${job.id}  ${job.name}`],
    ['source', job.source],
    ['status', job.status + (job.stopRequest === null ? '' : ', asked to stop')],
    ['last crawl', job.crawlerStatus],
    ['last error', job.lastError],
    ['parked', parked && `${parked.reason} since ${formatTime(parked.sinceMs)} UTC: ${parked.detail}`],
    ['next attempt', nextMoment(job, nowMs)],
    ['output', job.outputDir],
    ['seeds', job.seeds.join(' ')],
    ['wait', `${job.waitSeconds} s between two requests`],
    ['retries used', String(job.retryCount)],
    ['worker', lease && `${lease.worker} on ${lease.host}`],
    ['progress', progress && `${progress.pages} pages, ${formatBytes(progress.bytes)}`],
    ['addresses', urlCounts(progress?.urls ?? null)],
    ['now at', job.status === 'running' ? (progress?.currentUrl ?? null) : null],
  ];
}

function nextMoment(job: Job, nowMs: number): string | null {
  const next = nextAttemptAt(job, nowMs);
  return next === null ? null : `${formatTime(next)} UTC`;
}

/** Of all attempts together. */
function urlCounts(counts: UrlCounts | null): string | null {
  if (counts === null) return null;
  const { archived, failed, barred, queued } = counts;
  return `${archived} archived, ${failed} failed, ${barred} barred, ${queued} queued`;
}

function describeAttempts(attempts: readonly AttemptRow[], nowMs: number, width: number): string[] {
  const [header = '', ...rows] = formatTable(
    ['ATTEMPT', 'STARTED (UTC)', 'TOOK', 'OUTCOME', 'PAGES', 'SIZE'],
    attempts.map((attempt) => [
      String(attempt.number),
      formatTime(attempt.started_ms),
      formatDuration((attempt.finished_ms ?? nowMs) - attempt.started_ms),
      attempt.outcome ?? 'running',
      String(attempt.pages),
      formatBytes(attempt.bytes),
    ]),
    { width },
  );
  return [header, ...withReasons(rows, attempts, width)];
}

function describeEvents(events: readonly EventRow[], width: number): string[] {
  const [header = '', ...rows] = formatTable(
    ['TIME (UTC)', 'WHO', 'EVENT'],
    events.map((event) => [formatTime(event.at_ms), escapeToWidth(event.actor, 128), event.kind]),
    { width, narrowest: { 1: 8 } },
  );
  return [header, ...withReasons(rows, events, width)];
}

/** Each row with its reason below it: that is a sentence, and a column is too narrow for it. */
function withReasons(
  rows: readonly string[],
  reasons: readonly { readonly because: string | null }[],
  width: number,
): string[] {
  return rows.flatMap((row, index) => {
    const because = reasons[index]?.because ?? '';
    return because === '' ? [row] : [row, ...paragraph(escapeForTerminal(because), width, '    ', '    ')];
  });
}

function paragraph(text: string, width: number, first: string, following: string): string[] {
  return wrap(text, width, first, following).map((line) => cutToWidth(line, width));
}
