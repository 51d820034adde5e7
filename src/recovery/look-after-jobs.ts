/** What follows a repair, or a look: for the jobs, and for the worker. */
import type { Configuration } from '../config/schema.ts';
import { automationUnit } from '../core/automations.ts';
import type { StepResult } from '../core/plan.ts';
import type { RecoveryStep } from '../core/recovery/recovery-plan.ts';
import { rememberReleased } from '../core/recovery/release.ts';
import type { RoundsOutcome } from '../core/recovery/rounds.ts';
import { thisHost } from '../effects/host.ts';
import { askUnit, showUnits, signalUnit } from '../effects/systemd.ts';
import { changeJobs, type JobChangesAnswer } from './job-changes.ts';
import { memoryFile, writeMemory } from './memory-file.ts';

const autoStartUnit = automationUnit('worker-auto-start');

export interface Afterwards {
  readonly jobs: JobChangesAnswer;
  /** What was done about the worker, as a sentence; null: nothing was to be done. */
  readonly worker: string | null;
}

/** Whatever the repair came to: jobs whose place is proved may run, jobs without worker go back, and the worker looks now. */
export async function lookAfterJobs(
  configuration: Configuration,
  { memory, seen, rounds }: RoundsOutcome,
): Promise<Afterwards> {
  const jobs = await changeJobs(configuration, {
    kind: 'afterwards',
    host: thisHost(),
    memory: { verified: memory.verified, releases: memory.releases },
    // Broken, or broken since its last proof.
    unfit: [
      ...seen.targets.filter(({ report }) => report.state !== 'healthy').map(({ path }) => path),
      ...(memory.incident?.unproved ?? []),
    ],
    maxPerJobPerDay: configuration.recovery.max_per_job_per_day,
  });
  const changed = jobs.kind === 'afterwards' && jobs.released.length + jobs.returned.length > 0;
  if (jobs.kind === 'afterwards' && jobs.released.length > 0)
    writeMemory(memoryFile(configuration), rememberReleased(memory, jobs.released, Date.now()));
  const isRepaired = rounds.some(({ results }) => results.some(isProof));
  return { jobs, worker: changed || isRepaired ? await wakeWorker(configuration) : null };
}

function isProof({ step, outcome }: StepResult<RecoveryStep>): boolean {
  return step.kind === 'verify' && outcome === 'done';
}

/** A worker that is down is not recovery's to start: what watches over it has refusals of its own. */
async function wakeWorker({ worker }: Configuration): Promise<string | null> {
  const [state, autoStart] = await showUnits([worker.unit, autoStartUnit]);
  if (state?.active === 'active') {
    const problem = await signalUnit('SIGUSR1', worker.unit);
    return problem === null ? `${worker.unit} was told` : `${worker.unit} was not told: ${problem}`;
  }
  if (autoStart?.load !== 'loaded') return null;
  const problem = await askUnit('start', autoStartUnit);
  return problem ?? `${worker.unit} is down; ${autoStartUnit} looks after it`;
}
