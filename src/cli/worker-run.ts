import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import type { Configuration } from '../config/schema.ts';
import {
  ConfigurationError,
  DatabaseUnavailableError,
  LockHeldError,
  RefusedError,
  UsageError,
} from '../core/errors.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { type HeldLock, tryLock } from '../effects/flock.ts';
import { thisHost } from '../effects/host.ts';
import { standardErrorLog } from '../effects/log.ts';
import { serviceNotifier } from '../effects/service-notify.ts';
import { makeStateFolder } from '../effects/state-file.ts';
import { userIds } from '../effects/user-ids.ts';
import { Database } from '../store/database.ts';
import { checkSchema } from '../store/migrate.ts';
import { Worker, type WorkerMode } from '../worker/worker.ts';
import { workerLock, workerPaths } from '../worker/worker-paths.ts';
import { withHelp } from './help.ts';
import { reportLeftovers } from './worker-leftovers.ts';
import { type GlobalOptions, readConfiguration } from './session.ts';
import type { Terminal } from './terminal.ts';
import { addWorkerAutoStart } from './worker-auto-start.ts';

/** As [worker] name in the configuration. */
const longestName = 128;

interface RunOptions extends GlobalOptions {
  readonly once?: boolean;
  readonly drain?: boolean;
  readonly name?: string;
}

export function addWorkerRun(worker: Command, terminal: Terminal): void {
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
      ['worker run --drain', 'work off what can run now; exit 3 if failed, parked or waiting jobs are left'],
      ['worker run --name second', 'a second worker on this host'],
    ],
    exits: ['configuration', 'lockHeld', 'refused', 'failed', 'attention', 'interrupted'],
  });
  addWorkerAutoStart(worker, terminal);
}

async function runWorker(
  configuration: Configuration,
  options: RunOptions,
  terminal: Terminal,
): Promise<void> {
  await refuseForeignUser(configuration);
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
    const completed = await worker.run(mode);
    if (mode !== 'service') await reportLeftovers(database, { mode, completed }, options, terminal);
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

/**
 * Root can run it, but what it makes would be root's: the worker's own service could not go on with it. A setup that is
 * root's altogether, or that names nobody else, is left alone.
 */
async function refuseForeignUser({ worker, paths }: Configuration): Promise<void> {
  if (process.geteuid?.() !== 0 || statSync(paths.state_dir, { throwIfNoEntry: false })?.uid === 0) return;
  const isOther = await userIds(worker.user).then(
    ({ uid }) => uid !== 0,
    () => false,
  );
  if (!isOther) return;
  const user = escapeToWidth(worker.user, 80);
  throw new RefusedError(
    `the worker runs as ${user} ([worker] user): files that root makes now, it could not go on with.`,
    `sudo -u ${user} healtharchive worker run`,
  );
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
  database.assertPermission();
  try {
    await checkSchema(database);
  } catch (error) {
    if (!(error instanceof DatabaseUnavailableError) || mode !== 'service') throw error;
  }
}

function onSignal(name: NodeJS.Signals, until: AbortSignal, act: () => void): void {
  process.on(name, act);
  until.addEventListener('abort', () => {
    process.removeListener(name, act);
  });
}
