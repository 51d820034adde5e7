import type { Incident } from '../core/recovery/memory.ts';
import type { StepResult } from '../core/plan.ts';
import type { RecoveryStep } from '../core/recovery/recovery-plan.ts';
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

/** What a round is about to do, before it does it. */
export function logPlan(steps: readonly RecoveryStep[], log: Log): void {
  log('notice', 'recovery: plan', { steps: steps.map(({ kind, path }) => `${kind} ${path}`).join(', ') });
}

/** What came of it, one line for each step. */
export function logResults(results: readonly StepResult<RecoveryStep>[], log: Log): void {
  for (const { step, outcome, error, durationMs } of results) {
    const seconds = Math.round(durationMs) / 1000;
    const about = { path: step.path, error: error ?? undefined, seconds };
    log(outcome === 'failed' ? 'error' : 'notice', `recovery: ${step.kind} ${outcome}`, about);
  }
}

/** What a pass did for the jobs, what it kept, and whether the incident is over. Nothing when all is well. */
export function logPass({ outcome, afterwards, evidence }: RecoveryPass, log: Log, nowMs: number): void {
  const { closed, seen } = outcome;
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
