import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { attemptName } from '../core/attempts/launch-spec.ts';
import { DatabaseUnavailableError, OperatorError } from '../core/errors.ts';
import { unfinishedStatuses, type Job } from '../core/jobs/job.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { JobQueries } from '../store/job-queries.ts';
import { attemptFiles, workerPaths, type WorkerPaths } from '../worker/worker-paths.ts';
import { existingJob, parseCount, parseJobId } from './arguments.ts';
import { withHelp } from './help.ts';
import { readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Between two looks at a log that is followed. */
const pollMs = 500;

interface LogOptions extends GlobalOptions {
  readonly attempt?: number;
  readonly follow?: boolean;
}

export function addJobLog(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('log')
    .description('print the log of the last attempt: what launcher and crawler said')
    .argument('<id>', 'id of the job', parseJobId)
    .option('--attempt <n>', 'of this attempt instead', parseCount)
    .option('-f, --follow', 'go on with what comes, through further attempts, until the job is over')
    .action(async (id: number, _options, self: Command) => {
      const options = self.optsWithGlobals<LogOptions>();
      const configuration = readConfiguration(options, terminal);
      const paths = workerPaths(configuration.paths.state_dir);
      await withDatabase(configuration, async (database) => {
        const store = new JobQueries(database);
        const job = await existingJob(store, id);
        if (options.follow === true) await follow(store, job, paths, terminal);
        else printOne(job, options.attempt ?? job.attempts, paths, terminal);
      });
    });
  withHelp(command, {
    examples: [
      ['jobs log 12', 'what the crawler said'],
      ['jobs log 12 -f', 'what it says'],
    ],
    exits: ['configuration', 'failed'],
  });
}

function printOne(job: Job, number: number, paths: WorkerPaths, terminal: Terminal): void {
  if (number === 0 || number > job.attempts)
    throw new OperatorError(
      `job ${job.id} has had ${job.attempts === 0 ? 'no attempt yet' : `${job.attempts} attempts`}.`,
    );
  const log = new LogTail(attemptFiles(paths, attemptName(job.id, number)).log);
  if (!log.printNew(terminal)) throw notHere(job, number, log.path);
  log.end(terminal);
}

/** Prints attempt after attempt, from the last one on. What is not there, or not yet, is waited for. */
async function follow(store: JobQueries, first: Job, paths: WorkerPaths, terminal: Terminal): Promise<void> {
  let job = first;
  for (let number = Math.max(1, job.attempts); !terminal.isClosed(); number += 1) {
    const attempt = attemptName(job.id, number);
    const log = new LogTail(attemptFiles(paths, attempt).log);
    let isOver: boolean;
    for (;;) {
      // Read after the look at the job, so that nothing that it had written before it was over is missed.
      const isThere = log.printNew(terminal);
      const isLast = job.attempts <= number;
      isOver = isLast && !unfinishedStatuses.includes(job.status);
      if (isOver && !isThere && job.attempts > 0) throw notHere(job, number, log.path);
      if (isOver || !isLast || terminal.isClosed()) break;
      await sleep(pollMs);
      job = (await lookAgain(store, job.id)) ?? job;
    }
    log.end(terminal);
    if (isOver) return;
  }
}

/** Null while the database is away: the log is there all the same. */
async function lookAgain(store: JobQueries, id: number): Promise<Job | null> {
  try {
    return await existingJob(store, id);
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) return null;
    throw error;
  }
}

function notHere(job: Job, number: number, path: string): OperatorError {
  const folder = `${job.outputDir}/attempts/${String(number).padStart(3, '0')}/`;
  return new OperatorError(
    `there is no log at ${escapeForTerminal(path)}: attempt ${number} ran on another host, or its log was removed.`,
    `a copy lies in ${folder}`,
  );
}

/** A log on the local disk, printed piece by piece. */
class LogTail {
  readonly path: string;
  #fd: number | null = null;
  readonly #decoder = new TextDecoder();
  /** The begin of a line whose end is not there yet. */
  #rest = '';

  constructor(path: string) {
    this.path = path;
  }

  /** Prints what has come since; false when there is no such file. */
  printNew(terminal: Terminal): boolean {
    this.#fd ??= openIfThere(this.path);
    if (this.#fd === null) return false;
    const bytes = Buffer.alloc(64 * 1024);
    for (let length = readSync(this.#fd, bytes); length > 0; length = readSync(this.#fd, bytes)) {
      const lines = (this.#rest + this.#decoder.decode(bytes.subarray(0, length), { stream: true })).split(
        '\n',
      );
      this.#rest = lines.pop() ?? '';
      for (const line of lines) print(line, terminal);
      if (terminal.isClosed()) break;
    }
    return true;
  }

  /** A last line may have no end: whoever wrote it was killed. */
  end(terminal: Terminal): void {
    if (this.#rest !== '') print(this.#rest, terminal);
    this.#rest = '';
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

/** What a crawler says comes from outside: a terminal would obey it. A file or a program gets it as it is. */
function print(line: string, terminal: Terminal): void {
  terminal.answer(terminal.isInteractive ? escapeForTerminal(line) : line);
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
