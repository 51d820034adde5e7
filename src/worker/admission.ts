import { randomUUID } from 'node:crypto';
import type { Configuration } from '../config/schema.ts';
import { attemptName } from '../core/attempts/launch-spec.ts';
import type { Job } from '../core/jobs/job.ts';
import type { Lease } from '../core/jobs/lease.ts';
import type { MountIdentity } from '../core/storage/mountinfo.ts';
import { judgeWriteCheck } from '../core/storage/write-check.ts';
import { bootClockMs, type HostIdentity } from '../effects/host.ts';
import type { Log } from '../effects/log.ts';
import { checkWritable } from '../effects/storage-access.ts';
import type { ObservedPath } from '../effects/storage-probe.ts';
import type { Database } from '../store/database.ts';
import type { JobStore } from '../store/job-store.ts';
import { isCrawlerGone, removeContainerOf } from './crawler-gone.ts';
import { QueueRest } from './queue-rest.ts';
import { observeJobStorage, type SeenStorage, type Unfit } from './job-storage.ts';
import { leaseLengthMs, type WorkerSettings } from './worker-settings.ts';
import type { WorkerPaths } from './worker-paths.ts';

/** A job that is ours for one attempt, and the storage it was admitted on. */
export interface Admitted {
  readonly job: Job;
  readonly lease: Lease;
  readonly storage: MountIdentity;
  /** `major:minor` of its superblock. */
  readonly device: string;
  /** Canonical. */
  readonly outputDir: string;
}

/** How many candidates are looked at together, one look at the storage serving them all: at first few, since mostly one of them can run, */
const firstPage = 50;
/** then as many as there are likely to be. */
const laterPages = 5000;
/** How long a container engine that did not answer is left alone. */
const engineRestMs = 60_000;

/** One look through the queue. */
interface Look {
  readonly nowMs: number;
  /** By superblock, what can be written to nowhere on it: the next job there need not find out again. */
  readonly unwritable: Map<string, Unfit>;
  /** Something that may be over without a trace: a hang, a crawler that is still there. */
  mayEndUnseen: boolean;
}

/**
 * Chooses the next job: the first in the queue's order whose output directory is healthy, is what is expected there, and
 * can be written to. Jobs on other storage are parked, not attempted, so that one dead mount neither burns attempts nor
 * blocks jobs on healthy storage.
 */
export class Admission {
  readonly #configuration: Configuration;
  readonly #settings: WorkerSettings;
  readonly #paths: WorkerPaths;
  readonly #database: Database;
  readonly #store: JobStore;
  readonly #host: HostIdentity;
  readonly #log: Log;
  /** Jobs whose previous crawler is still there; named once. */
  readonly #waitingForCrawler = new Set<number>();
  #engineHangsUntilMs = Number.NEGATIVE_INFINITY;
  readonly #rest: QueueRest;
  #wasInVain = false;

  constructor(parts: {
    configuration: Configuration;
    settings: WorkerSettings;
    paths: WorkerPaths;
    database: Database;
    store: JobStore;
    host: HostIdentity;
    log: Log;
  }) {
    this.#configuration = parts.configuration;
    this.#settings = parts.settings;
    this.#paths = parts.paths;
    this.#database = parts.database;
    this.#store = parts.store;
    this.#rest = new QueueRest(parts.store);
    this.#host = parts.host;
    this.#log = parts.log;
  }

  /** Claims the next job that may run now; null when there is none. Call it with the storage lock held, shared. */
  async admit(): Promise<Admitted | null> {
    // Only the second look in vain begins a rest: a worker that has jobs to run pays nothing for it.
    const traces = this.#wasInVain ? await this.#rest.traces() : null;
    const beginMs = performance.now();
    const look: Look = { nowMs: Date.now(), unwritable: new Map(), mayEndUnseen: false };
    let size = this.#wasInVain ? laterPages : firstPage;
    for (let offset = 0; ; offset += size, size = laterPages) {
      const candidates = await this.#store.next({ eligibleAtMs: look.nowMs, limit: size, offset });
      if (candidates.length === 0) break;
      for (const seen of await observeJobStorage(this.#configuration, candidates)) {
        const admitted = await this.#tryJob(seen, look);
        if (admitted === null) continue;
        this.#wasInVain = false;
        return admitted;
      }
      if (candidates.length < size) break;
    }
    this.#wasInVain = true;
    if (traces !== null && !look.mayEndUnseen) this.#rest.begin(traces, performance.now() - beginMs);
    return null;
  }

  /** Nothing in the queue could run when it was last looked through, and nothing has changed since. */
  async isResting(): Promise<boolean> {
    return await this.#rest.isOn();
  }

  /** Somebody asks for a look. */
  wake(): void {
    this.#rest.end();
  }

  async #tryJob({ job, path, unfit: seenUnfit }: SeenStorage, look: Look): Promise<Admitted | null> {
    const unfit =
      seenUnfit ?? look.unwritable.get(path.device) ?? (await this.#reasonNotWritable(path, look));
    look.mayEndUnseen ||= unfit?.reason === 'hung';
    if (unfit !== null) {
      await this.#park(job, unfit);
      return null;
    }
    await this.#unpark(job);
    if (!(await this.#isFreeOfPredecessor(job))) {
      look.mayEndUnseen = true;
      return null;
    }
    const lease = await newLease(this.#database, this.#settings.name, this.#host);
    const claimed = await this.#store.claim(
      job.id,
      lease,
      this.#crawlerName(),
      this.#settings.retry,
      Date.now(),
      identityToRecord(path),
    );
    return claimed === null
      ? null
      : { job: claimed, lease, storage: path.identity, device: path.device, outputDir: path.canonicalPath };
  }

  /** A lookup says nothing about a full or read-only file system: before a claim, a small file is written for real. */
  async #reasonNotWritable(path: ObservedPath, { unwritable }: Look): Promise<Unfit | null> {
    const options = { timeoutMs: this.#settings.probeTimeoutMs, stuckDir: this.#paths.stuckProbes };
    const check = await checkWritable(path.canonicalPath, { ...options, orAbove: true });
    const fstype = path.identity.kind === 'mount' ? path.identity.fstype : 'local';
    const staleErrnos = this.#configuration.storagebox.stale_errnos;
    const verdict = judgeWriteCheck(check, { fstype, staleErrnos });
    if (verdict === null) return null;
    const unfit = { reason: verdict.state, detail: verdict.reason };
    const isOfAll =
      check.kind === 'error'
        ? check.errno === 'ENOSPC' || staleErrnos.includes(check.errno)
        : check.kind === 'timed_out';
    if (isOfAll) unwritable.set(path.device, unfit);
    return unfit;
  }

  async #park(job: Job, unfit: Unfit): Promise<void> {
    if (job.parked?.reason === unfit.reason) return;
    if (!(await this.#store.park(job.id, unfit, this.#settings.name, Date.now()))) return;
    this.#log('warning', 'job parked: its storage is not fit to crawl onto', {
      job: job.id,
      name: job.name,
      state: unfit.reason,
      because: unfit.detail,
      path: job.outputDir,
    });
  }

  async #unpark(job: Job): Promise<void> {
    if (job.parked === null || !(await this.#store.park(job.id, null, this.#settings.name, Date.now())))
      return;
    this.#log('notice', 'job no longer parked: its storage is healthy', { job: job.id, name: job.name });
  }

  /** A crawler that could not be killed may still hold the directory open: no second one beside it. */
  async #isFreeOfPredecessor(job: Job): Promise<boolean> {
    if (job.attempts === 0) return true;
    const attempt = attemptName(job.id, job.attempts);
    const isFree = (await isCrawlerGone(this.#paths, attempt)) && (await this.#hasNoContainer(attempt));
    if (isFree) {
      this.#waitingForCrawler.delete(job.id);
      return true;
    }
    if (!this.#waitingForCrawler.has(job.id)) {
      const message = 'job waits: the crawler of its last attempt is still there';
      this.#log('warning', message, { job: job.id, attempt });
    }
    this.#waitingForCrawler.add(job.id);
    return false;
  }

  /** An engine that hangs is asked by one job a minute, not by each in turn: the storage lock is held meanwhile. */
  async #hasNoContainer(attempt: string): Promise<boolean> {
    if (performance.now() < this.#engineHangsUntilMs) return false;
    const removal = await removeContainerOf(attempt, this.#crawlerName());
    if (removal === 'engine_hangs') this.#engineHangsUntilMs = performance.now() + engineRestMs;
    return removal === 'absent';
  }

  #crawlerName(): string {
    const { kind, engine } = this.#configuration.crawler;
    return kind === 'container' ? engine : kind;
  }
}

/** A disk of its own is recorded by its mount point: should it be gone, what lies under it must not be taken for it. */
function identityToRecord({ identity, coveredBy }: ObservedPath): MountIdentity {
  return identity.kind === 'local' && coveredBy !== '/' ? { kind: 'local', mountPoint: coveredBy } : identity;
}

async function newLease(database: Database, worker: string, host: HostIdentity): Promise<Lease> {
  return await renewedLease(database, {
    ...host,
    worker,
    token: randomUUID(),
    lengthMs: leaseLengthMs,
    renewedBootMs: 0,
    expiresAtServerMs: null,
  });
}

/** The lease as it is from now on: by the boot clock of this host, and by the database server's own clock. */
export async function renewedLease(database: Database, lease: Lease): Promise<Lease> {
  const serverNowMs = await database.serverNowMs();
  return {
    ...lease,
    renewedBootMs: bootClockMs(),
    expiresAtServerMs: serverNowMs === null ? null : serverNowMs + lease.lengthMs,
  };
}
