import { hostname } from 'node:os';
import { Option, type Command } from 'commander';
import type { Configuration } from '../config/schema.ts';
import { ConfigurationError, DatabaseUnavailableError, LockHeldError, UsageError } from '../core/errors.ts';
import { isEligible } from '../core/jobs/selection.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { tryLock, type HeldLock } from '../effects/flock.ts';
import { thisHost } from '../effects/host.ts';
import { standardErrorLog } from '../effects/log.ts';
import { serviceNotifier } from '../effects/service-notify.ts';
import { makeStateFolder } from '../effects/state-folder.ts';
import { Database } from '../store/database.ts';
import { JobStore } from '../store/job-store.ts';
import { checkSchema } from '../store/migrate.ts';
import { Worker, type WorkerMode } from '../worker/worker.ts';
import { workerLock, workerPaths } from '../worker/worker-paths.ts';
import { withHelp } from './command.ts';
import { readConfiguration, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';
import { addWorkerAutoStart } from './worker-auto-start.ts';

/** As [worker] name in the configuration. */
const longestName = 128;

interface RunOptions extends GlobalOptions {
  readonly once?: boolean;
  readonly drain?: boolean;
  readonly name?: string;
}

export function addWorkerCommands(program: Command, terminal: Terminal): void {
  const worker = program.command('worker').description('the worker: runs the crawls');
  const command = worker
    .command('run')
    .description('work through the queue until stopped')
    .option('--once', 'make at most one attempt, then end')
    .addOption(new Option('--drain', 'end when nothing is eligible now').conflicts('once'))
    .option('--name <name>', 'identity of this worker (default: [worker] name, or the host name)')
    .option('--json', 'when it ends, answer with what it left behind, as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<RunOptions>();
      await runWorker(readConfiguration(options, terminal), options, terminal);
    });
  withHelp(command, {
    examples: [
      ['worker run', 'as the service does'],
      ['worker run --drain', 'work off what can run now; exit 3 if failed or parked jobs are left'],
      ['worker run --name second', 'a second worker on this host'],
    ],
    exits: ['configuration', 'lockHeld', 'failed', 'attention', 'interrupted'],
  });
  addWorkerAutoStart(worker, terminal);
}

async function runWorker(
  configuration: Configuration,
  options: RunOptions,
  terminal: Terminal,
): Promise<void> {
  const mode: WorkerMode = options.once === true ? 'once' : options.drain === true ? 'drain' : 'service';
  const name = workerName(options, configuration);
  const lock = await takeIdentity(configuration, name);
  const database = new Database(configuration.database.url, { patienceMs: 2000 });
  const log = standardErrorLog(terminal.environment);
  const signals = new AbortController();
  try {
    // Until the worker listens a wake-up call is nothing, and not Node's signal to open its debugger.
    onSignal('SIGUSR1', signals.signal, () => undefined);
    await checkDatabase(database, mode);
    const worker = new Worker({
      configuration,
      name,
      database,
      host: thisHost(),
      notifier: serviceNotifier(terminal.environment),
      log,
    });
    const interrupted = new AbortController();
    onSignal('SIGTERM', signals.signal, () => {
      log('notice', 'stopping: SIGTERM');
      worker.stop();
    });
    onSignal('SIGINT', signals.signal, () => {
      log('notice', 'stopping: SIGINT; once more kills what runs');
      interrupted.abort();
      worker.stop();
    });
    onSignal('SIGUSR1', signals.signal, () => {
      worker.wake();
    });
    await worker.run(mode);
    if (mode !== 'service') await reportLeftovers(database, mode, options, terminal);
    if (interrupted.signal.aborted) terminal.exitStatus = 'interrupted';
  } finally {
    signals.abort();
    await database.close();
    lock.release();
  }
}

function workerName({ name }: RunOptions, { worker }: Configuration): string {
  if (name !== undefined && (name === '' || name.length > longestName)) {
    throw new UsageError(`--name: a worker's name has 1 to ${longestName} characters.`);
  }
  return name ?? (worker.name || hostname());
}

/** One worker of a name on a host: its leases and its attempts are known by it. */
async function takeIdentity(configuration: Configuration, name: string): Promise<HeldLock> {
  const paths = workerPaths(configuration.paths.state_dir);
  for (const folder of [paths.locks, paths.attempts]) {
    try {
      makeStateFolder(folder);
    } catch (error) {
      throw new ConfigurationError(`[paths] state_dir: ${(error as Error).message}.`);
    }
  }
  const lock = await tryLock(workerLock(paths, name), 'exclusive');
  if (lock !== null) return lock;
  throw new LockHeldError(
    `a worker named ${escapeToWidth(name, 80)} is running on this host already.`,
    'give this one another name with --name',
  );
}

/** A database that is broken ends the start; one that is only away is waited for by the service. */
async function checkDatabase(database: Database, mode: WorkerMode): Promise<void> {
  try {
    await checkSchema(database);
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError) || mode !== 'service') throw error;
  }
}

async function reportLeftovers(
  database: Database,
  mode: WorkerMode,
  options: RunOptions,
  terminal: Terminal,
): Promise<void> {
  const jobs = await new JobStore(database).list();
  const failed = jobs.filter((job) => job.status === 'failed').map((job) => job.id);
  const parked = jobs.filter((job) => job.parked !== null).map((job) => job.id);
  const nowMs = Date.now();
  const heldBack = jobs.filter((job) => job.parked === null && isEligible(job, nowMs)).map((job) => job.id);
  if (options.json === true) terminal.answerJson({ failed, parked, held_back: heldBack });
  if (mode === 'drain' && failed.length + parked.length + heldBack.length > 0)
    terminal.exitStatus = 'attention';
}

function onSignal(name: NodeJS.Signals, until: AbortSignal, act: () => void): void {
  process.on(name, act);
  until.addEventListener('abort', () => {
    process.removeListener(name, act);
  });
}
