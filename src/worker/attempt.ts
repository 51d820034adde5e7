import { closeSync, constants, existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import { classifyAttempt } from '../core/attempts/classify.ts';
import type { EndReason, Judgement } from '../core/attempts/attempt-end.ts';
import { attemptName } from '../core/attempts/launch-spec.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import type { Lease } from '../core/jobs/lease.ts';
import { tryLock } from '../effects/flock.ts';
import { launchAttempt, type RunningAttempt } from '../effects/start-launcher.ts';
import type { Log } from '../effects/log.ts';
import type { Database } from '../store/database.ts';
import type { JobStore } from '../store/job-store.ts';
import { type Admitted, renewedLease } from './admission.ts';
import { attemptEnd, recordEnd } from './record-end.ts';
import { AttemptReport } from './attempt-report.ts';
import { crawlPlan } from './crawl-plan.ts';
import { removeFreeLock } from './crawler-gone.ts';
import { Ending } from './end-processes.ts';
import { forgetFrontier, frontierFile, readExitRecord } from './job-files.ts';
import type { RecoveryCall } from './recovery-call.ts';
import { observeJobStorage, stateOfSuperblock } from './job-storage.ts';
import { Wake } from './wake.ts';
import { attemptFiles, type AttemptFiles, attemptLock, type WorkerPaths } from './worker-paths.ts';
import { deadStorageGraceMs, heartbeatMs, storageCheckMs, type WorkerSettings } from './worker-settings.ts';
import type { ToldConditions } from './told-conditions.ts';

/** What an attempt needs of the worker it belongs to. */
export interface AttemptSurroundings {
  readonly configuration: Configuration;
  readonly settings: WorkerSettings;
  readonly paths: WorkerPaths;
  readonly database: Database;
  readonly store: JobStore;
  readonly conditions: ToldConditions;
  readonly recovery: RecoveryCall;
  readonly log: Log;
}

/**
 * One run of the crawler for one job, from its launch to the word in the database. While it lasts it renews the lease,
 * keeps the progress with the job, looks at the storage it writes to, and obeys requests to stop.
 */
export class Attempt {
  readonly name: string;
  readonly #admitted: Admitted;
  readonly #around: AttemptSurroundings;
  readonly #files: AttemptFiles;
  readonly #report: AttemptReport;
  readonly #wake = new Wake();
  #ending: Ending | null = null;
  #stopBeforeLaunch: { reason: EndReason; graceMs: number } | null = null;
  #launchFailure: string | null = null;
  #lease: Lease;
  #giveUpRecordingAtMs = Number.POSITIVE_INFINITY;
  #hasCompletedJob = false;

  constructor(admitted: Admitted, around: AttemptSurroundings) {
    this.#admitted = admitted;
    this.#around = around;
    this.#lease = admitted.lease;
    this.name = attemptName(admitted.job.id, admitted.job.attempts);
    this.#files = attemptFiles(around.paths, this.name);
    this.#report = new AttemptReport(this.#files.report, performance.now());
  }

  /** True once it is recorded that this was the job's last attempt, and a good one. */
  get hasCompletedJob(): boolean {
    return this.#hasCompletedJob;
  }

  /** Ends the crawler: TERM, `graceMs`, KILL. */
  stop(reason: EndReason, graceMs: number): void {
    if (this.#ending === null) this.#stopBeforeLaunch = { reason, graceMs };
    else this.#ending.begin(reason, graceMs);
  }

  /** Looks now whether it is to be stopped, instead of at the next heartbeat. */
  wake(): void {
    this.#wake.call();
  }

  /** The worker must go: an end that the database won't take now is left to the next start, which finds the exit record. */
  giveUpRecordingIn(milliseconds: number): void {
    this.#giveUpRecordingAtMs = Math.min(this.#giveUpRecordingAtMs, performance.now() + milliseconds);
  }

  /**
   * Begins. `launched` settles as soon as the launcher runs, or it is clear that it won't: keep the storage lock until
   * then. `done` settles when the end is recorded, and never rejects.
   */
  run(): { readonly launched: Promise<void>; readonly done: Promise<void> } {
    const launched = this.#launch();
    const done = launched
      .then(async (ending) => {
        if (ending !== null) await this.#follow(ending);
        else await this.#record(this.#notLaunched());
      })
      .catch((error: unknown) => {
        // A fault of ours in one attempt must end neither the worker nor the crawls beside it; the lease will run out.
        const stack = error instanceof Error ? error.stack : String(error);
        this.#around.log('error', 'an attempt is no longer followed: this is a bug', {
          attempt: this.name,
          stack,
        });
        this.stop('shutdown', this.#around.settings.stopGraceMs);
      });
    return { launched: launched.then(() => undefined), done };
  }

  /** Null when there is nothing to follow: it was to be stopped already, or the launcher could not be started. */
  async #launch(): Promise<Ending | null> {
    if (this.#stopBeforeLaunch !== null) return null;
    const { log } = this.#around;
    const { job } = this.#admitted;
    try {
      const running = await this.#startLauncher();
      const fields = {
        job: job.id,
        attempt: this.name,
        name: job.name,
        pid: running.pid,
        path: job.outputDir,
      };
      log('info', 'attempt started', fields);
      const ending = new Ending(running);
      this.#ending = ending;
      // It may have been asked for while the launcher was starting.
      const asked = this.#stopRequested();
      if (asked !== null) ending.begin(asked.reason, asked.graceMs);
      return ending;
    } catch (error) {
      this.#launchFailure = (error as Error).message;
      return null;
    }
  }

  #stopRequested() {
    return this.#stopBeforeLaunch;
  }

  #notLaunched(): Judgement {
    if (this.#launchFailure === null) {
      return { outcome: 'interrupted', because: 'The worker was stopped before the crawl began.' };
    }
    return { outcome: 'infra_error', because: `The crawl could not be started: ${this.#launchFailure}` };
  }

  async #startLauncher(): Promise<RunningAttempt> {
    const { paths, configuration } = this.#around;
    this.#makeFolder();
    const lock = await tryLock(attemptLock(paths, this.name), 'exclusive');
    if (lock === null) throw new Error(`the lock of attempt ${this.name} is held by another process`);
    try {
      const logFd = openSync(
        this.#files.log,
        constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
        0o640,
      );
      try {
        const frontier = frontierFile(paths, this.#admitted.job);
        const spec = crawlPlan(this.#admitted, this.#files, frontier, configuration);
        return await launchAttempt(spec, { specFile: this.#files.spec, logFd, lockFd: lock.fd });
      } finally {
        closeSync(logFd);
      }
    } finally {
      // From here on the launcher and its crawler alone hold it.
      lock.release();
    }
  }

  /** A folder of this name is from before the database was restored from a backup: its record is not ours. */
  #makeFolder(): void {
    const { folder } = this.#files;
    if (existsSync(folder)) renameSync(folder, `${folder}.before-${Date.now()}`);
    mkdirSync(folder, { mode: 0o750 });
  }

  async #follow(ending: Ending): Promise<void> {
    let nextStorageCheckMs = performance.now() + storageCheckMs;
    while (!ending.isOver()) {
      await Promise.race([ending.over, this.#wake.wait(heartbeatMs)]);
      this.#report.read(performance.now());
      if (ending.isOver()) break;
      await this.#renew(ending);
      this.#endIfStalled(ending);
      if (performance.now() < nextStorageCheckMs || ending.reason !== 'none') continue;
      if (await this.#isStorageDead()) ending.begin('dead_storage', deadStorageGraceMs);
      nextStorageCheckMs = performance.now() + storageCheckMs;
    }
    const isGone = await ending.over;
    if (!isGone)
      this.#around.log('error', 'the crawler can’t be ended: the kernel holds it; it is left behind', {
        attempt: this.name,
      });
    await this.#record(await this.#judge(ending.reason));
    // The launcher may be gone while its crawler is stuck in the kernel: then the lock says so, and must stay.
    await removeFreeLock(this.#around.paths, this.name);
  }

  async #renew(ending: Ending): Promise<void> {
    const { store, database } = this.#around;
    const renewal = await this.#quietly(async () => {
      const lease = await renewedLease(database, this.#lease);
      const progress = this.#report.progress(performance.now());
      const answer = await store.renew(this.#admitted.job.id, lease, progress);
      this.#lease = lease;
      return answer;
    });
    if (renewal === null) return;
    if (renewal.kind === 'lost') ending.begin('lease_lost', this.#around.settings.stopGraceMs);
    else if (renewal.stopRequest === 'cancel') ending.begin('cancel', this.#around.settings.stopGraceMs);
    else if (renewal.stopRequest === 'interrupt') ending.begin('dead_storage', deadStorageGraceMs);
  }

  /** Dead means: every one of several lookups of fresh names says so. Anything else may pass, and is left alone. */
  async #isStorageDead(): Promise<boolean> {
    const { confirmProbes, confirmIntervalMs } = this.#around.settings;
    for (let probe = 0; probe < confirmProbes; probe++) {
      if (probe > 0) await sleep(confirmIntervalMs);
      const { configuration } = this.#around;
      if ((await stateOfSuperblock(configuration, this.#admitted.device)) !== 'dead') return false;
    }
    return true;
  }

  /** The output directory after the crawl; null when nobody can say (an unreadable manifest). */
  async #storageAfter(): Promise<StorageState | null> {
    const { configuration, conditions } = this.#around;
    try {
      const [seen] = await observeJobStorage(configuration, [this.#admitted.job]);
      conditions.end('storage_unseen');
      if (seen === undefined) return null;
      // What is there now may be well; what the crawl worked on has been replaced, as is done with what is dead.
      return seen.path.device === this.#admitted.device ? seen.path.state : 'dead';
    } catch (error) {
      conditions.begin('storage_unseen', { because: String(error) });
      return null;
    }
  }

  /** It would be `running` for ever. */
  #endIfStalled(ending: Ending): void {
    const { settings, log } = this.#around;
    const stillMs = this.#report.standsStillMs(performance.now());
    if (ending.reason !== 'none' || stillMs < settings.stallMs) return;
    log('warning', 'the crawl stands still: it is ended', {
      attempt: this.name,
      seconds: Math.round(stillMs / 1000),
    });
    ending.begin('stalled', settings.stopGraceMs);
  }

  async #judge(reason: EndReason): Promise<Judgement> {
    return classifyAttempt({
      record: readExitRecord(this.#files.exitRecord, this.name, this.#lease.token),
      reason,
      storageAfter: await this.#storageAfter(),
      crawler: this.#around.configuration.crawler.kind,
    });
  }

  async #record(judgement: Judgement): Promise<void> {
    const { store, settings, conditions, log } = this.#around;
    const { job } = this.#admitted;
    const record = readExitRecord(this.#files.exitRecord, this.name, this.#lease.token);
    const progress = this.#report.progress(performance.now());
    const end = attemptEnd(judgement, record, progress, { isWorkerLost: false });
    const recording = await recordEnd(
      store,
      { jobId: job.id, token: this.#lease.token, end, worker: settings.name },
      settings.retry,
      conditions,
      () => performance.now() > this.#giveUpRecordingAtMs,
    );
    const fields = {
      job: job.id,
      attempt: this.name,
      outcome: judgement.outcome,
      because: judgement.because,
    };
    // Once it is recorded, so that recovery finds the cooldown that it may end.
    if (judgement.outcome === 'infra_error') this.#around.recovery.call();
    switch (recording.kind) {
      case 'recorded':
        this.#hasCompletedJob = recording.job.status === 'completed';
        forgetFrontier(this.#around.paths, recording.job);
        log(judgement.outcome === 'success' ? 'info' : 'warning', 'attempt ended', {
          ...fields,
          status: recording.job.status,
          pages: end.pages,
          bytes: end.bytes,
        });
        return;
      case 'lease_lost':
        log('warning', 'attempt ended, but its lease was lost: nothing is written', fields);
        return;
      case 'given_up':
        log(
          'error',
          'attempt ended, but the database takes nothing; the next start will find its exit record',
          fields,
        );
    }
  }

  /** A database that is away must not end a crawl: what it should have been told is told at the next heartbeat. */
  async #quietly<T>(work: () => Promise<T>): Promise<T | null> {
    const { conditions } = this.#around;
    try {
      const result = await work();
      conditions.end('database_takes_nothing');
      return result;
    } catch (error) {
      conditions.begin('database_takes_nothing', { because: String(error) });
      return null;
    }
  }
}
