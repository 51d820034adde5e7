import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import { DatabaseUnavailableError } from '../core/errors.ts';
import { jobStatuses, type Job } from '../core/jobs/job.ts';
import { JobQueries } from '../store/job-queries.ts';
import { withHelp } from './help.ts';
import { existingJob, parseJobId } from './arguments.ts';
import { jobJson } from './job-json.ts';
import { jobTable } from './jobs-list.ts';
import { readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { cutToWidth, formatMoment, paint } from './table.ts';
import type { Terminal } from './terminal.ts';

/** How long a table that does not change stays without a word. */
const signOfLifeMs = 5000;

interface WatchOptions extends GlobalOptions {
  readonly interval: number;
}

export function addJobWatch(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('watch')
    .description('follow jobs live until none is waiting or running (or until interrupted)')
    .argument('[id]', 'id of one job', parseJobId)
    .option('--interval <seconds>', 'between two looks', parseInterval, 1)
    .option('--json', 'one JSON document a line and look')
    .action(async (id: number | undefined, _options, self: Command) => {
      const options = self.optsWithGlobals<WatchOptions>();
      await withDatabase(readConfiguration(options, terminal), async (database) => {
        await watch(new JobQueries(database), id, options, terminal);
      });
    });
  withHelp(command, {
    examples: [
      ['jobs watch', 'all jobs, in a terminal of their own'],
      ['jobs watch 12', 'one job'],
    ],
    exits: ['configuration', 'interrupted'],
  });
}

async function watch(
  store: JobQueries,
  id: number | undefined,
  options: WatchOptions,
  terminal: Terminal,
): Promise<void> {
  const answer = options.json === true ? jsonLines(terminal) : tables(terminal);
  let isAway = false;
  while (!terminal.isClosed()) {
    try {
      const found = id === undefined ? await store.list() : [await existingJob(store, id)];
      isAway = false;
      answer(found, Date.now());
      if (found.every(isOver)) return;
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      if (!isAway) terminal.say(`healtharchive: ${error.message} Still trying.`);
      isAway = true;
    }
    await sleep(options.interval * 1000);
  }
}

type Answer = (jobs: readonly Job[], nowMs: number) => void;

function jsonLines(terminal: Terminal): Answer {
  return (jobs, nowMs) => {
    terminal.answer(JSON.stringify({ jobs: jobs.map((job) => jobJson(job, nowMs)) }));
  };
}

/** In a terminal the table stays in place; elsewhere it is printed again when it has changed. */
function tables(terminal: Terminal): Answer {
  return terminal.isInteractive ? inPlace(terminal) : oneBelowTheOther(terminal);
}

/**
 * Written over what was there before, line by line (ECMA-48: CUP, EL, ED), so that nothing flickers. What does not fit the screen is
 * counted: what is over is left out first.
 */
function inPlace(terminal: Terminal): Answer {
  let isFirst = true;
  return (jobs, nowMs) => {
    const room = Math.max(1, (terminal.rows ?? Number.POSITIVE_INFINITY) - 5);
    const shown = jobs.length <= room ? jobs : mostWanted(jobs, room);
    const head = cutToWidth(headline(jobs, nowMs), terminal.columns ?? Number.POSITIVE_INFINITY);
    const page = [paint(terminal, 'bold', head), '', ...jobTable(shown, nowMs, terminal)];
    if (shown.length < jobs.length) page.push(`and ${jobs.length - shown.length} more`);
    const text = page.map((line) => `${line}\u001b[K`).join('\n');
    terminal.answer(`${isFirst ? '\u001b[2J' : ''}\u001b[H${text}\u001b[J`);
    isFirst = false;
  };
}

/** `13:45:59 UTC  2 running, 1 parked, 7 queued`. */
function headline(jobs: readonly Job[], nowMs: number): string {
  const counts = jobStatuses.map(
    (status) => [status, jobs.filter((job) => job.status === status).length] as const,
  );
  const parked = jobs.filter((job) => job.parked !== null).length;
  const said = counts.filter(([, count]) => count > 0).map(([status, count]) => `${count} ${status}`);
  if (parked > 0) said.push(`${parked} of them parked`);
  return `${formatMoment(nowMs, nowMs)} UTC  ${said.join(', ')}`;
}

/** Those that run, those that wait, then the newest of those that are over; in the order of their ids. */
function mostWanted(jobs: readonly Job[], room: number): Job[] {
  const rank = (job: Job) => (job.status === 'running' ? 0 : isOver(job) ? 2 : 1);
  return [...jobs]
    .sort((a, b) => rank(a) - rank(b) || (isOver(a) ? b.id - a.id : a.id - b.id))
    .slice(0, room)
    .sort((a, b) => a.id - b.id);
}

/** While nothing changes an empty line follows now and then: only who writes learns that the reader is gone. */
function oneBelowTheOther(terminal: Terminal): Answer {
  let previous = '';
  let answeredMs = 0;
  return (jobs, nowMs) => {
    const text = jobTable(jobs, nowMs, terminal).join('\n');
    if (text !== previous) terminal.answer(`${text}\n`);
    else if (Math.abs(nowMs - answeredMs) >= signOfLifeMs) terminal.answer('');
    else return;
    previous = text;
    answeredMs = nowMs;
  };
}

function isOver(job: Job): boolean {
  return ['completed', 'failed', 'cancelled'].includes(job.status);
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0.1 && seconds <= 3600))
    throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 3600.');
  return seconds;
}
