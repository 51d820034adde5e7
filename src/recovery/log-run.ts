import type { Incident } from '../core/recovery/memory.ts';
import type { Log } from '../effects/log.ts';
import type { RecoveryRun } from './run-recovery.ts';

/** What the journal gets of a run: one line when an incident begins and ends, one for each step; nothing when all is well. */
export function logRun({ outcome, afterwards }: RecoveryRun, log: Log, nowMs: number): void {
  const { opened, closed, rounds, seen } = outcome;
  const jobsOn = ({ paths }: Incident): string =>
    [...new Set(seen.targets.filter(({ path }) => paths.includes(path)).flatMap(({ jobs }) => jobs))].join(
      ' ',
    );
  if (opened !== null)
    log('warning', 'storage incident opened', { paths: opened.paths.join(' '), jobs: jobsOn(opened) });
  for (const { results } of rounds) {
    for (const { step, outcome: how, error, durationMs } of results) {
      const level = how === 'failed' ? 'error' : 'notice';
      const seconds = Math.round(durationMs) / 1000;
      log(level, `recovery: ${step.kind} ${how}`, { path: step.path, error: error ?? undefined, seconds });
    }
  }
  if (afterwards.jobs.kind === 'afterwards') {
    for (const { jobId, outcome: how } of afterwards.jobs.returned)
      log('notice', 'recovery: job given back, its worker is gone', { job: jobId, outcome: how });
    for (const { jobId, path } of afterwards.jobs.released)
      log('notice', 'recovery: job need not wait any more', { job: jobId, path });
  }
  if (closed !== null) {
    const seconds = Math.round((nowMs - closed.openedAtMs) / 100) / 10;
    log('notice', 'storage incident closed: everything is proved healthy', {
      seconds,
      paths: closed.paths.join(' '),
      jobs: jobsOn(closed),
    });
  }
}
