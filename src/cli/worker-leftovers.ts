import type { Job } from '../core/jobs/job.ts';
import { isEligible, nextAttemptAt } from '../core/jobs/selection.ts';
import type { Database } from '../store/database.ts';
import { JobQueries } from '../store/job-queries.ts';
import type { WorkerMode } from '../worker/worker.ts';
import type { GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';
import { formatMoment } from './table.ts';

/** Unfinished jobs, and those that were given up, when a worker has ended. */
interface Leftovers {
  readonly failed: readonly Job[];
  /** Because of their storage. */
  readonly parked: readonly Job[];
  /** For a deadline: a cooldown, a backoff. */
  readonly waiting: readonly Job[];
  /** They could run, but this worker has ended, or is held back. */
  readonly heldBack: readonly Job[];
}

/** Says what a worker that has ended by itself leaves behind; attention is needed when that is anything. */
export async function reportLeftovers(
  database: Database,
  { mode, completed }: { readonly mode: WorkerMode; readonly completed: number },
  options: GlobalOptions,
  terminal: Terminal,
): Promise<void> {
  const nowMs = Date.now();
  const left = leftovers(
    await new JobQueries(database).list({ statuses: ['queued', 'retryable', 'failed'] }),
    nowMs,
  );
  if (options.json === true) {
    const ids = (jobs: readonly Job[]) => jobs.map(({ id }) => id);
    terminal.answerJson({
      completed,
      failed: ids(left.failed),
      parked: ids(left.parked),
      waiting: ids(left.waiting),
      held_back: ids(left.heldBack),
    });
  } else terminal.answer(lastLine(completed, left, nowMs));
  // One attempt was asked for: that other jobs could run is no surprise then.
  const heldBack = mode === 'drain' ? left.heldBack.length : 0;
  if (left.failed.length + left.parked.length + left.waiting.length + heldBack > 0)
    terminal.exitStatus = 'attention';
}

function leftovers(jobs: readonly Job[], nowMs: number): Leftovers {
  const pending = jobs.filter(({ status, parked }) => status !== 'failed' && parked === null);
  return {
    failed: jobs.filter(({ status }) => status === 'failed'),
    parked: jobs.filter(({ parked }) => parked !== null),
    waiting: pending.filter((job) => !isEligible(job, nowMs)),
    heldBack: pending.filter((job) => isEligible(job, nowMs)),
  };
}

/** `0 completed, 1 waits until 13:45:59 UTC`. */
function lastLine(
  completed: number,
  { failed, parked, waiting, heldBack }: Leftovers,
  nowMs: number,
): string {
  const next = waiting.map((job) => nextAttemptAt(job, nowMs) ?? nowMs).sort((a, b) => a - b);
  const first = formatMoment(next[0] ?? nowMs, nowMs);
  return [
    `${completed} completed`,
    failed.length > 0 && `${failed.length} failed`,
    parked.length > 0 && `${parked.length} parked`,
    waiting.length === 1 && `1 waits until ${first} UTC`,
    waiting.length > 1 && `${waiting.length} wait, the first until ${first} UTC`,
    heldBack.length > 0 && `${heldBack.length} could run`,
  ]
    .filter((part) => part !== false)
    .join(', ');
}
