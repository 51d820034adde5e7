import type { Configuration } from '../config/schema.ts';
import { DatabaseUnusableError, OperatorError } from '../core/errors.ts';
import { tryLock } from '../effects/flock.ts';
import type { HostIdentity } from '../effects/host.ts';
import type { Log } from '../effects/log.ts';
import type { ServiceNotifier } from '../effects/service-notify.ts';
import type { Database } from '../store/database.ts';
import { JobStore } from '../store/job-store.ts';
import { checkSchema } from '../store/migrate.ts';
import { Admission } from './admission.ts';
import { Attempt, type AttemptSurroundings } from './attempt.ts';
import type { HangingEngines } from './crawler-gone.ts';
import { SpaceWatch } from './low-space.ts';
import { isDatabaseAway } from './record-end.ts';
import { findStaleJobs, returnStaleJob, type StaleVerdict } from './stale-jobs.ts';
import { RecoveryCall } from './recovery-call.ts';
import { Wake } from './wake.ts';
import { workerPaths, type WorkerPaths } from './worker-paths.ts';
import { ToldConditions } from './told-conditions.ts';
import { staleCheckMs, workerSettings, type WorkerSettings } from './worker-settings.ts';

/** `service`: until it is stopped. `once`: at most one attempt. `drain`: until nothing is eligible now. */
export type WorkerMode = 'service' | 'once' | 'drain';

/** What one look at the queue came to. */
type Look = 'started' | 'nothing_eligible' | 'held_back';

/** A database that is away for longer than this ends `--once` and `--drain`; the service waits for it. */
const drainPatienceMs = 30_000;
const longestDatabasePauseMs = 30_000;
/** After a crawl was ended because the worker must go: how long the database may take to hear of it. */
const recordingPatienceMs = 15_000;
/** What giving back jobs may take at the start, a container engine that hangs included. */
const startPatienceMs = 120_000;
/** Smaller steps of the wall clock (NTP slewing, rounding) delay a deadline by no more than themselves. */
const clockStepMs = 1000;

/**
 * The worker's loop:
 *
 *   1. jobs of this host whose worker died go back into the queue;
 *   2. free slots are filled: under the storage lock (shared), the first eligible job on fit storage is claimed and
 *      its launcher started;
 *   3. the service manager hears that the loop came round;
 *   4. pause: until the poll interval is over, an attempt ends, or someone calls (SIGUSR1, stop).
 *
 * A storage lock or a database that is busy makes a loop without result, not a failure.
 */
export class Worker {
  readonly #configuration: Configuration;
  readonly #settings: WorkerSettings;
  readonly #paths: WorkerPaths;
  readonly #database: Database;
  readonly #store: JobStore;
  readonly #host: HostIdentity;
  readonly #notifier: ServiceNotifier;
  readonly #log: Log;
  readonly #conditions: ToldConditions;
  readonly #admission: Admission;
  readonly #space: SpaceWatch;
  readonly #wake = new Wake();
  readonly #recovery: RecoveryCall;
  readonly #running = new Map<Attempt, Promise<void>>();
  #isStopping = false;
  #isReady = false;
  #nextStaleCheckMs = Number.NEGATIVE_INFINITY;
  #databaseAwaySinceMs: number | null = null;
  #databasePauseMs = 0;
  #started = 0;
  #completed = 0;
  #wallAheadMs = Number.POSITIVE_INFINITY;

  constructor(parts: {
    configuration: Configuration;
    name: string;
    database: Database;
    host: HostIdentity;
    notifier: ServiceNotifier;
    log: Log;
  }) {
    this.#configuration = parts.configuration;
    this.#settings = workerSettings(parts.configuration, parts.name);
    this.#paths = workerPaths(parts.configuration.paths.state_dir);
    this.#database = parts.database;
    this.#store = new JobStore(parts.database);
    this.#host = parts.host;
    this.#notifier = parts.notifier;
    this.#log = parts.log;
    this.#conditions = new ToldConditions(parts.log);
    this.#recovery = new RecoveryCall(this.#paths.recoveryTrigger, parts.log);
    const { state_dir, jobs_root } = parts.configuration.paths;
    this.#space = new SpaceWatch([state_dir, jobs_root], this.#settings.minFreePercent, {
      timeoutMs: this.#settings.probeTimeoutMs,
      stuckDir: this.#paths.stuckProbes,
    });
    this.#admission = new Admission({
      ...parts,
      settings: this.#settings,
      paths: this.#paths,
      store: this.#store,
    });
  }

  /** Looks at the queue, and at what is asked of the attempts that run, now instead of at the next poll. */
  wake(): void {
    this.#admission.wake();
    for (const attempt of this.#running.keys()) attempt.wake();
    this.#wake.call();
  }

  /** Starts nothing more and ends what runs. Asked twice, what runs is killed at once. */
  stop(): void {
    const graceMs = this.#isStopping ? 0 : this.#settings.stopGraceMs;
    this.#isStopping = true;
    for (const attempt of this.#running.keys()) this.#stopAttempt(attempt, graceMs);
    this.wake();
  }

  #stopAttempt(attempt: Attempt, graceMs: number): void {
    attempt.giveUpRecordingIn(graceMs + recordingPatienceMs);
    attempt.stop('shutdown', graceMs);
  }

  #isStoppingNow(): boolean {
    return this.#isStopping;
  }

  /**
   * @returns how many jobs it has completed
   * @throws DatabaseUnavailableError in the modes `once` and `drain`, when the database stays away
   */
  async run(mode: WorkerMode): Promise<number> {
    while (!this.#isStopping) {
      const look = await this.#loop(mode);
      if (this.#isReady) await this.#notifier.alive();
      else await this.#notifier.stillStarting('waiting for the database', 2 * longestDatabasePauseMs);
      if (this.#isFinished(mode, look)) break;
      await this.#pause();
    }
    await this.#notifier.stopping('ending what runs');
    await Promise.all(this.#running.values());
    return this.#completed;
  }

  #isFinished(mode: WorkerMode, look: Look): boolean {
    if (mode === 'service' || this.#running.size > 0) return false;
    if (mode === 'once' && this.#started > 0) return true;
    return look === 'nothing_eligible';
  }

  async #loop(mode: WorkerMode): Promise<Look> {
    try {
      if (!this.#isReady) {
        await checkSchema(this.#database);
        await this.#notifier.stillStarting('giving back jobs', startPatienceMs);
      }
      await this.#returnStaleJobs();
      await this.#sayReady(mode);
      await this.#cutDeadlinesAfterStep();
      const look = await this.#fillSlots(mode);
      this.#databaseAwaySinceMs = null;
      this.#databasePauseMs = 0;
      this.#conditions.end('database_away');
      this.#conditions.end('nothing_started');
      return look;
    } catch (error) {
      if (!this.#isReady && error instanceof DatabaseUnusableError) throw error;
      if (!isDatabaseAway(error)) return this.#heldBackBy(error, mode);
      this.#databaseAwaySinceMs ??= performance.now();
      if (mode !== 'service' && performance.now() - this.#databaseAwaySinceMs > drainPatienceMs) throw error;
      this.#databasePauseMs = Math.min(
        Math.max(2 * this.#databasePauseMs, this.#settings.pollMs),
        longestDatabasePauseMs,
      );
      this.#conditions.begin('database_away', { because: error.message });
      return 'held_back';
    }
  }

  /** What a person must mend (an unreadable manifest, a lock folder without permission, a bug of ours) ends no crawl that runs. */
  #heldBackBy(error: unknown, mode: WorkerMode): Look {
    if (mode !== 'service') {
      for (const attempt of this.#running.keys()) this.#stopAttempt(attempt, this.#settings.stopGraceMs);
      throw error;
    }
    const isExpected = error instanceof OperatorError;
    const because = isExpected ? error.message : error instanceof Error ? error.stack : String(error);
    this.#conditions.begin('nothing_started', { because });
    return 'held_back';
  }

  /** Deadlines need cutting when the wall clock went back against the clock that nobody can step; and after a start. */
  async #cutDeadlinesAfterStep(): Promise<void> {
    const wallAheadMs = Date.now() - performance.now();
    if (wallAheadMs < this.#wallAheadMs - clockStepMs) await this.#store.cutDeadlines(Date.now());
    this.#wallAheadMs = wallAheadMs;
  }

  /** Jobs whose worker died: at once after our start (our name's lock is ours, so a lease in our name is our predecessor's), then now and then. */
  async #returnStaleJobs(): Promise<void> {
    if (performance.now() < this.#nextStaleCheckMs) return;
    const question = {
      host: this.#host,
      ownWorker: this.#started === 0 ? this.#settings.name : null,
      hostIsGone: null,
    };
    const hanging: HangingEngines = new Set();
    for (const verdict of await findStaleJobs(this.#store, this.#database, this.#paths, question)) {
      await this.#returnIfStale(verdict, hanging);
    }
    this.#nextStaleCheckMs = performance.now() + staleCheckMs;
  }

  async #returnIfStale(verdict: StaleVerdict, hanging: HangingEngines): Promise<void> {
    const { job } = verdict;
    if (verdict.code === 'crawler_alive') this.#conditions.begin('crawler_left', { job: job.id });
    if (!verdict.isStale) return;
    const { retry, name } = this.#settings;
    const outcome = await returnStaleJob(this.#store, verdict, this.#paths, hanging, name, retry, Date.now());
    if (outcome === 'container_left' || outcome === 'engine_hangs') {
      this.#conditions.begin('container_left', { job: job.id, because: outcome });
      return;
    }
    this.#conditions.end('crawler_left', job.id);
    this.#conditions.end('container_left', job.id);
    if (outcome === 'changed') return;
    if (outcome === 'success') this.#completed += 1;
    if (outcome === 'infra_error') this.#recovery.call();
    this.#log('notice', 'job given back: its worker is gone', {
      job: job.id,
      outcome,
      because: verdict.because,
    });
  }

  async #sayReady(mode: WorkerMode): Promise<void> {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#log('info', 'worker ready', { name: this.#settings.name, host: this.#host.host, mode });
    await this.#notifier.ready(this.#statusText());
  }

  async #fillSlots(mode: WorkerMode): Promise<Look> {
    const slots = mode === 'once' ? 1 - this.#started : this.#settings.concurrency - this.#running.size;
    if (slots <= 0 || this.#isStopping) return 'held_back';
    if ((await this.#store.next({ eligibleAtMs: Date.now(), limit: 1 })).length === 0)
      return 'nothing_eligible';
    if (await this.#admission.isResting()) return 'nothing_eligible';
    if (!(await this.#hasSpace())) return mode === 'service' ? 'held_back' : 'nothing_eligible';
    const lock = await tryLock(this.#paths.storageLock, 'shared');
    if (lock === null) {
      this.#conditions.begin('mounts_in_work');
      return 'held_back';
    }
    this.#conditions.end('mounts_in_work');
    try {
      let look: Look = 'nothing_eligible';
      for (let slot = 0; slot < slots && (await this.#startOne()); slot++) look = 'started';
      return look;
    } finally {
      lock.release();
    }
  }

  async #startOne(): Promise<boolean> {
    if (this.#isStopping) return false;
    const admitted = await this.#admission.admit();
    if (admitted === null) return false;
    this.#started += 1;
    const attempt = new Attempt(admitted, this.#surroundings());
    // The stop may have come while the job was being claimed.
    if (this.#isStoppingNow()) this.#stopAttempt(attempt, this.#settings.stopGraceMs);
    const { launched, done } = attempt.run();
    this.#running.set(
      attempt,
      done.finally(() => {
        this.#running.delete(attempt);
        if (attempt.hasCompletedJob) this.#completed += 1;
        this.#wake.call();
      }),
    );
    await launched;
    return true;
  }

  async #hasSpace(): Promise<boolean> {
    const low = await this.#space.low();
    if (low === null) {
      this.#conditions.end('disk_full');
      return true;
    }
    this.#conditions.begin('disk_full', {
      path: low.path,
      free_percent: Math.round(low.freePercent * 10) / 10,
      min_free_percent: this.#settings.minFreePercent,
    });
    return false;
  }

  /** Waits for the next look; the service manager hears from us meanwhile, however long the pause is. */
  async #pause(): Promise<void> {
    const endMs = performance.now() + Math.max(this.#settings.pollMs, this.#databasePauseMs);
    const sliceMs = (this.#notifier.watchdogMs ?? 60_000) / 3;
    await this.#notifier.status(this.#statusText());
    for (let leftMs = endMs - performance.now(); leftMs > 0; leftMs = endMs - performance.now()) {
      if (await this.#wake.wait(Math.min(leftMs, sliceMs))) return;
      if (leftMs > sliceMs) await this.#notifier.alive();
    }
  }

  #statusText(): string {
    if (this.#conditions.isActive('database_away')) return 'the database does not answer';
    if (this.#conditions.isActive('disk_full')) return 'too little free space';
    const names = [...this.#running.keys()].map((attempt) => attempt.name);
    return names.length === 0 ? 'idle' : `crawling ${names.join(', ')}`;
  }

  #surroundings(): AttemptSurroundings {
    return {
      configuration: this.#configuration,
      settings: this.#settings,
      paths: this.#paths,
      database: this.#database,
      store: this.#store,
      conditions: this.#conditions,
      recovery: this.#recovery,
      log: this.#log,
    };
  }
}
