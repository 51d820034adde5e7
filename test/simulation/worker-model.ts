/**
 * The worker's service and the rows of its jobs: what is true of them, next to the host's storage. Its launchers end their crawls with
 * it, or are left behind; the rows say `running` until a worker that starts, recovery or a person has given them back.
 */
import type { HostModel } from './host-model.ts';
import type { UnitState } from '../../src/core/units/unit-state.ts';

export const WORKER_UNIT = 'worker.service';
/** RestartSec= */
const pauseMs = 5000;
/** StartLimitBurst= */
const burst = 5;

export class WorkerModel {
  readonly #host: HostModel;
  state: 'running' | 'waiting' | 'down' | 'failed' = 'running';
  isDisabled = false;
  /** Each of its starts ends at once: a broken release, say. */
  isUnfit = false;
  /** What the database says of each job; a crawl that is there without its row is one that a launcher has left. */
  readonly rows = new Map<number, 'queued' | 'running'>();
  isDatabaseAway = false;
  starts = 0;
  #restarts = 0;
  #inARow = 0;
  #nextTryBootMs = 0;

  constructor(host: HostModel, jobs: readonly number[]) {
    this.#host = host;
    for (const job of jobs) this.rows.set(job, 'queued');
  }

  get pending(): readonly number[] {
    return [...this.rows].filter(([, status]) => status === 'queued').map(([job]) => job);
  }

  get runningRows(): readonly number[] {
    return [...this.rows].filter(([, status]) => status === 'running').map(([job]) => job);
  }

  get unitState(): UnitState {
    const fileState = this.isDisabled ? 'disabled' : 'enabled';
    const common = {
      unit: WORKER_UNIT,
      load: 'loaded',
      fileState,
      invocationId: 'one',
      restarts: this.#restarts,
    };
    switch (this.state) {
      case 'running':
        return { ...common, active: 'active', sub: 'running' };
      case 'waiting':
        return { ...common, active: 'activating', sub: 'auto-restart' };
      case 'down':
        return { ...common, active: 'inactive', sub: 'dead' };
      case 'failed':
        return { ...common, active: 'failed', sub: 'failed' };
    }
  }

  /** Asked for by somebody, so that systemd's counts begin anew. */
  start(): void {
    if (this.state === 'running') return;
    this.starts += 1;
    this.#inARow = 0;
    this.#begin();
  }

  /** Whose crawler is gone is given back by the worker that starts. */
  #begin(): void {
    if (this.isUnfit) {
      this.#failed();
      return;
    }
    this.state = 'running';
    this.giveBackStale();
  }

  /** As `jobs recover-stale --apply`, which leaves what may be in the middle of something. */
  giveBackStale(): void {
    const crawled = new Set(this.#host.crawls.map(({ jobId }) => jobId));
    for (const job of this.runningRows) if (!crawled.has(job)) this.rows.set(job, 'queued');
  }

  /** Asked for, so it ends its crawls and says so in their rows. */
  stop(): void {
    if (this.state === 'running') {
      this.#host.crawls = [];
      for (const job of this.runningRows) this.rows.set(job, 'queued');
    }
    this.state = 'down';
  }

  /** Killed: the rows stay as they are, and so do crawls whose launcher cannot end them. */
  die(isLeft: (job: number) => boolean): void {
    if (this.state !== 'running') return;
    this.#host.crawls = this.#host.crawls.filter(({ jobId }) => isLeft(jobId));
    this.#failed();
  }

  #failed(): void {
    this.#inARow += 1;
    this.state = this.#inARow >= burst ? 'failed' : 'waiting';
    this.#nextTryBootMs = this.#host.bootMs + pauseMs;
  }

  /** Time has passed: systemd starts it again, and a worker that runs hears of crawls that have ended. */
  pass(): void {
    while (this.state === 'waiting' && this.#nextTryBootMs <= this.#host.bootMs) {
      this.#restarts += 1;
      this.#begin();
    }
    if (this.state === 'running') this.giveBackStale();
  }
}
