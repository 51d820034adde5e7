import type { Incident } from '../core/recovery/memory.ts';
import type { RecoveryWorld } from '../core/recovery/recovery-world.ts';
import { OperatorError } from '../core/errors.ts';
import type { Log } from '../effects/log.ts';
import type { RecoveryPass } from './run-recovery.ts';

/** One line at the first sight of a fault, before anything is done about it. */
export function logOpened({ paths }: Incident, { targets }: Pick<RecoveryWorld, 'targets'>, log: Log): void {
  log('warning', 'storage incident opened', { paths: paths.join(' '), jobs: jobsOn(paths, targets) });
}

function jobsOn(paths: readonly string[], targets: RecoveryWorld['targets']): string {
  return [...new Set(targets.filter(({ path }) => paths.includes(path)).flatMap(({ jobs }) => jobs))].join(
    ' ',
  );
}

/** What was done in a pass of recovery, one line for each step; and one at the end of an incident. Nothing when all is well. */
export function logPass({ outcome, afterwards, evidence }: RecoveryPass, log: Log, nowMs: number): void {
  const { closed, rounds, seen } = outcome;
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
  if (evidence instanceof OperatorError)
    log('warning', 'no evidence was kept', { because: evidence.message });
  else if (evidence !== null) log('notice', 'evidence kept', { path: evidence.path });
  if (closed !== null) {
    const seconds = Math.round(((closed.healthySinceMs ?? nowMs) - closed.openedAtMs) / 100) / 10;
    log('notice', 'storage incident closed: everything is proved healthy', {
      seconds,
      paths: closed.paths.join(' '),
      jobs: jobsOn(closed.paths, seen.world.targets),
    });
  }
}
