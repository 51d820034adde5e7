import { closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import { classifyAttempt } from '../core/attempts/classify.ts';
import type { EndReason, Judgement } from '../core/attempts/judgement.ts';
import { attemptName } from '../core/attempts/launch-spec.ts';
import { advanceProgress, noProgress, type CrawlProgress } from '../core/crawler/progress.ts';
import type { Progress } from '../core/jobs/job.ts';
import type { Lease } from '../core/jobs/lease.ts';
import { tryLock } from '../effects/flock.ts';
import { launchAttempt, type RunningAttempt } from '../effects/launch.ts';
import type { Log } from '../effects/log.ts';
import type { Database } from '../store/database.ts';
import type { JobStore } from '../store/job-store.ts';
import { renewedLease, type Admitted } from './admission.ts';
import { attemptEnd } from './attempt-end.ts';
import type { Conditions } from './conditions.ts';
import { crawlPlan } from './crawl-plan.ts';
import { isCrawlerGone } from './crawler-gone.ts';
import { Ending } from './ending.ts';
import { readExitRecord } from './exit-record-file.ts';
import { isDatabaseAway, recordEnd } from './record-end.ts';
import { observeJobStorage } from './job-storage.ts';
import { LogTail } from './log-tail.ts';
import { attemptFiles, attemptLock, type AttemptFiles, type WorkerPaths } from './worker-paths.ts';
import { deadStorageGraceMs, heartbeatMs, storageCheckMs, type WorkerSettings } from './worker-settings.ts';

/** What an attempt needs of the worker it belongs to. */
export interface AttemptSurroundings {
  readonly configuration: Configuration;
  readonly settings: WorkerSettings;
  readonly paths: WorkerPaths;
  readonly database: Database;
  readonly store: JobStore;
  readonly conditions: Conditions;
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
  readonly #tail: LogTail;
  readonly #startedAtMs = performance.now();
  #ending: Ending | null = null;
  #stopBeforeLaunch: { reason: EndReason; graceMs: number } | null = null;
  #lease: Lease;
  #progress: CrawlProgress = noProgress;
  #giveUpRecordingAtMs = Number.POSITIVE_INFINITY;

  constructor(admitted: Admitted, around: AttemptSurroundings) {
    this.#admitted = admitted;
    this.#around = around;
    this.#lease = admitted.lease;
    this.name = attemptName(admitted.job.id, admitted.job.attempts);
    this.#files = attemptFiles(around.paths, this.name);
    this.#tail = new LogTail(this.#files.log);
  }

  /** Ends the crawler: TERM, `graceMs`, KILL. */
  stop(reason: EndReason, graceMs: number): void {
    if (this.#ending === null) this.#stopBeforeLaunch = { reason, graceMs };
    else this.#ending.begin(reason, graceMs);
  }

  /** The worker must go: an end that the database won't take now is left to the next start, which finds the exit record. */
  giveUpRecordingIn(milliseconds: number): void {
    this.#giveUpRecordingAtMs = Math.min(this.#giveUpRecordingAtMs, performance.now() + milliseconds);
  }

  /** Starts the launcher. Call it with the storage lock held; it returns as soon as the launcher runs. */
  async launch(): Promise<(() => Promise<void>) | null> {
    const { log } = this.#around;
    const { job } = this.#admitted;
    try {
      const running = await this.#startLauncher();
      log('info', 'attempt started', {
        job: job.id,
        attempt: this.name,
        name: job.name,
        pid: running.pid,
        path: job.outputDir,
      });
      const ending = new Ending(running);
      this.#ending = ending;
      if (this.#stopBeforeLaunch !== null)
        ending.begin(this.#stopBeforeLaunch.reason, this.#stopBeforeLaunch.graceMs);
      return async () => {
        await this.#follow(ending);
      };
    } catch (error) {
      const because = `The crawl could not be started: ${(error as Error).message}`;
      await this.#record({ outcome: 'infra_error', because });
      return null;
    }
  }

  async #startLauncher(): Promise<RunningAttempt> {
    const { paths, configuration, store } = this.#around;
    const { job } = this.#admitted;
    mkdirSync(this.#files.folder, { recursive: true, mode: 0o750 });
    const lock = await tryLock(attemptLock(paths, this.name), 'exclusive');
    if (lock === null) throw new Error(`the lock of attempt ${this.name} is held by another process`);
    try {
      const logFd = openSync(
        this.#files.log,
        constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
        0o640,
      );
      try {
        const spec = crawlPlan(this.#admitted, this.#files, configuration);
        const running = await launchAttempt(spec, { specFile: this.#files.spec, logFd, lockFd: lock.fd });
        if (job.storageIdentity === null) {
          await this.#quietly(() =>
            store.keepStorageIdentity(job.id, this.#lease.token, this.#admitted.storage),
          );
        }
        return running;
      } finally {
        closeSync(logFd);
      }
    } finally {
      // From here on the launcher and its crawler alone hold it.
      lock.release();
    }
  }

  async #follow(ending: Ending): Promise<void> {
    let nextStorageCheckMs = performance.now() + storageCheckMs;
    while (!ending.isOver()) {
      await Promise.race([ending.over, sleep(heartbeatMs)]);
      this.#readProgress();
      if (ending.isOver()) break;
      await this.#renew(ending);
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
    if (await isCrawlerGone(this.#around.paths, this.name)) {
      rmSync(attemptLock(this.#around.paths, this.name), { force: true });
    }
  }

  async #renew(ending: Ending): Promise<void> {
    const { store, database } = this.#around;
    const renewal = await this.#quietly(async () => {
      const lease = await renewedLease(database, this.#lease);
      const answer = await store.renew(this.#admitted.job.id, lease, this.#progressForPeople());
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
      if ((await this.#storageState()) !== 'dead') return false;
    }
    return true;
  }

  async #storageState() {
    const [seen] = await observeJobStorage(this.#around.configuration, [this.#admitted.job]);
    return seen?.path.state ?? null;
  }

  #readProgress(): void {
    try {
      for (const text of this.#tail.newText()) this.#progress = advanceProgress(this.#progress, text);
    } catch {
      // Progress is for people; without it the crawl goes on all the same.
    }
  }

  #progressForPeople(): Progress {
    const seconds = Math.max((performance.now() - this.#startedAtMs) / 1000, 0.001);
    const { pages, bytes, currentUrl } = this.#progress;
    return { pages, bytes, currentUrl, bytesPerSecond: Math.round(bytes / seconds) };
  }

  async #judge(reason: EndReason): Promise<Judgement> {
    return classifyAttempt({
      record: readExitRecord(this.#files.exitRecord, this.name),
      reason,
      storageAfter: await this.#storageState(),
      crawler: this.#around.configuration.crawler.kind,
    });
  }

  async #record(judgement: Judgement): Promise<void> {
    const { store, settings, conditions, log } = this.#around;
    const { job } = this.#admitted;
    const record = readExitRecord(this.#files.exitRecord, this.name);
    const end = attemptEnd(judgement, record, this.#progressForPeople(), { isWorkerLost: false });
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
    switch (recording.kind) {
      case 'recorded':
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
      conditions.end('database');
      return result;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      conditions.begin('database', 'the database does not answer; running crawls go on', {
        because: error.message,
      });
      return null;
    }
  }
}
