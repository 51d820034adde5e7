import type { Command } from 'commander';
import { RefusedError } from '../core/errors.ts';
import { JobStore, type CommandResult } from '../store/job-store.ts';
import { retryPolicy } from '../worker/worker-settings.ts';
import { withHelp } from './help.ts';
import { parseJobId, unknownJob } from './arguments.ts';
import { jobJson } from './job-json.ts';
import { operatorName, readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

type Wish = 'cancel' | 'retry';

const sentence: Record<Wish, Record<'done' | 'requested' | 'already', string>> = {
  cancel: {
    done: 'is cancelled',
    requested: 'is asked to stop; its worker ends the crawl',
    already: 'was cancelled already',
  },
  retry: { done: 'runs again when its turn comes', requested: '', already: 'waits for its turn already' },
};

/** `jobs retry` and `jobs cancel`. */
export function addJobChanges(jobs: Command, terminal: Terminal): void {
  const cancel = addWish(jobs, 'cancel', 'stop a job for good; what it archived stays', terminal);
  withHelp(cancel, {
    examples: [['jobs cancel 12', 'a running crawl ends within its grace period']],
    exits: ['configuration', 'refused'],
  });
  const retry = addWish(
    jobs,
    'retry',
    'put a job that is over back into the queue, or end the wait of one that is retryable',
    terminal,
  );
  withHelp(retry, {
    examples: [['jobs retry 12', 'after mending what it failed on; a completed job is crawled once more']],
    exits: ['configuration', 'refused'],
  });
}

function addWish(jobs: Command, wish: Wish, description: string, terminal: Terminal): Command {
  return jobs
    .command(wish)
    .description(description)
    .argument('<id>', 'id of the job', parseJobId)
    .option('--json', 'answer as JSON')
    .action(async (id: number, _options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const configuration = readConfiguration(options, terminal);
      const nowMs = Date.now();
      const result = await withDatabase(
        configuration,
        async (database) =>
          await new JobStore(database).command(
            id,
            wish,
            operatorName(terminal.environment),
            retryPolicy(configuration),
            nowMs,
          ),
      );
      report(result, id, wish, options, terminal, nowMs);
    });
}

function report(
  result: CommandResult,
  id: number,
  wish: Wish,
  options: GlobalOptions,
  terminal: Terminal,
  nowMs: number,
): void {
  if (result.kind === 'unknown_job') throw unknownJob(id);
  if (result.kind === 'illegal')
    throw new RefusedError(`job ${id} is ${result.job.status}: there is nothing to ${wish}.`);
  if (result.kind === 'taken')
    throw new RefusedError(`job ${id} can't go back to the queue: ${result.because}.`);
  if (options.json === true) terminal.answerJson(jobJson(result.job, nowMs));
  else terminal.answer(`Job ${id} ${sentence[wish][result.kind]}.`);
}
