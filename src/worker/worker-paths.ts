import { join } from 'node:path';
import { pathSegment } from '../core/jobs/naming.ts';
import { launcherProcessFile } from '../core/attempts/launch-spec.ts';

/** Where the worker keeps its things below the state folder; all of it is on local disk. */
export interface WorkerPaths {
  readonly locks: string;
  readonly attempts: string;
  /** What crawls know of their addresses, a file for each job. */
  readonly frontiers: string;
  /** Shared while a job is admitted and started, exclusive around mount steps. */
  readonly storageLock: string;
  /** Outstanding probes of each user. */
  readonly stuckProbes: string;
  /** Touched to have recovery look at once; watched by healtharchive-storage-hotpath-auto-recover.path. */
  readonly recoveryTrigger: string;
  /** What recovery remembers from run to run: written by each, before it asks anybody to go on. */
  readonly recoveryMemory: string;
  /** Held by a run of recovery, and by one of auto-start. */
  readonly recoveryLock: string;
  readonly autoStartLock: string;
}

export function workerPaths(stateDir: string): WorkerPaths {
  const locks = join(stateDir, 'locks');
  return {
    locks,
    attempts: join(stateDir, 'attempts'),
    frontiers: join(stateDir, 'frontiers'),
    storageLock: join(locks, 'storage'),
    stuckProbes: locks,
    recoveryTrigger: join(stateDir, 'watchdog', 'storage-hotpath-auto-recover.trigger'),
    recoveryMemory: join(stateDir, 'watchdog', 'storage-hotpath-auto-recover.json'),
    recoveryLock: join(locks, 'recovery'),
    autoStartLock: join(locks, 'auto-start'),
  };
}

/** Held for as long as a worker of this name runs on this host. */
export function workerLock(paths: WorkerPaths, name: string): string {
  return join(paths.locks, `worker-${pathSegment(name)}`);
}

/** Held by the crawler of an attempt and by nothing else: free means that the crawler is gone. */
export function attemptLock(paths: WorkerPaths, attempt: string): string {
  return join(paths.locks, `attempt-${attempt}`);
}

/** The files of one attempt. */
export interface AttemptFiles {
  readonly folder: string;
  readonly log: string;
  readonly spec: string;
  /** Who runs it: pid and start of the launcher, which leads its own process group. */
  readonly process: string;
  readonly exitRecord: string;
  readonly report: string;
  readonly scratch: string;
}

export function attemptFiles(paths: WorkerPaths, attempt: string): AttemptFiles {
  const folder = join(paths.attempts, attempt);
  return {
    folder,
    log: join(folder, 'log'),
    spec: join(folder, 'spec.json'),
    process: join(folder, launcherProcessFile),
    exitRecord: join(folder, 'exit.json'),
    report: join(folder, 'report.json'),
    scratch: join(folder, 'scratch'),
  };
}
