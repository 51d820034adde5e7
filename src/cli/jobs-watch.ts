import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { Job } from '../core/jobs/job.ts';
import { JobStore } from '../store/job-store.ts';
import { withHelp } from './command.ts';
import { existingJob, parseJobId } from './job-id.ts';
import { jobJson } from './job-json.ts';
import { jobTable } from './jobs-show.ts';
import { readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

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
        await watch(new JobStore(database), id, options, terminal);
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
  store: JobStore,
  id: number | undefined,
  options: WatchOptions,
  terminal: Terminal,
): Promise<void> {
  let previous = '';
  for (;;) {
    const found = id === undefined ? await store.list() : [await existingJob(store, id)];
    const nowMs = Date.now();
    if (options.json === true) {
      terminal.answer(JSON.stringify({ jobs: found.map((job) => jobJson(job, nowMs)) }));
    } else {
      previous = draw(jobTable(found, nowMs), previous, terminal);
    }
    if (found.every(isOver)) return;
    await sleep(options.interval * 1000);
  }
}

function isOver(job: Job): boolean {
  return ['completed', 'failed', 'cancelled'].includes(job.status);
}

/** In a terminal the table stays in place; elsewhere it is printed again when it has changed. */
function draw(lines: readonly string[], previous: string, terminal: Terminal): string {
  const text = lines.join('\n');
  if (terminal.isInteractive) terminal.answer(`\u001b[H\u001b[2J${text}`);
  else if (text !== previous) terminal.answer(`${text}\n`);
  return text;
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0.1 && seconds <= 3600))
    throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 3600.');
  return seconds;
}
