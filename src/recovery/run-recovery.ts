/** One run of recovery: alone on its host, in rounds, and afterwards what lets the crawls go on. */
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { LockHeldError } from '../core/errors.ts';
import type { StepResult } from '../core/plan.ts';
import { rearmed, type RecoveryMemory } from '../core/recovery/memory.ts';
import type { RecoveryStep } from '../core/recovery/recovery-plan.ts';
import { rememberReleased } from '../core/recovery/release.ts';
import { recoverInRounds, type RoundsOutcome } from '../core/recovery/rounds.ts';
import type { SeenWorld } from '../core/recovery/seen-world.ts';
import { tryLock } from '../effects/flock.ts';
import { thisHost } from '../effects/host.ts';
import { makeStateFolder } from '../effects/state-folder.ts';
import { askUnit, showUnits, signalUnit } from '../effects/systemd.ts';
import { triggerState } from '../effects/trigger-file.ts';
import { userIds } from '../effects/user-ids.ts';
import { jobsIfKnown, type JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { stuckProbesFolder } from '../hot-paths/observe.ts';
import type { MountSurroundings } from '../tiering/mount-steps.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import { applyRecovery } from './apply-recovery.ts';
import { changeJobs, type JobChangesAnswer } from './job-changes.ts';
import { JobsAsked } from './jobs-asked.ts';
import { memoryFile, readMemory, setAside, writeMemory } from './memory-file.ts';
import { RecoveryObserver } from './observe-recovery.ts';
import { recoveryPolicy } from './recovery-policy.ts';

/** No new round begins later; a round itself is bounded by the deadlines of its steps. */
const roundsEndMs = 120_000;
const autoStartUnit = 'healtharchive-worker-auto-start.service';

export interface RecoveryOptions {
  /** Go on without the sentinel file. */
  readonly isForced: boolean;
  /** Forget what was repaired before. */
  readonly isRearmed: boolean;
}

export interface RecoveryRun {
  readonly outcome: RoundsOutcome;
  readonly afterwards: Afterwards;
  /** Of the memory that could not be read, where it lies now; else null. */
  readonly setAside: string | null;
}

export interface Afterwards {
  readonly jobs: JobChangesAnswer;
  /** What was done about the worker, as a sentence; null: nothing was to be done. */
  readonly worker: string | null;
}

/** @throws LockHeldError when another one runs */
export async function runRecovery(
  configuration: Configuration,
  { isForced, isRearmed }: RecoveryOptions,
): Promise<RecoveryRun> {
  const lock = await takeSingleFlight(configuration);
  try {
    const file = memoryFile(configuration);
    const read = readMemory(file, Date.now());
    const aside = read.problem === null ? null : setAside(file);
    const memory = isRearmed ? rearmed(read.memory) : read.memory;
    const outcome = await inRounds(configuration, memory, isForced);
    const afterwards = await lookAfterJobs(configuration, outcome);
    return { outcome, afterwards, setAside: aside };
  } finally {
    lock.release();
  }
}

async function takeSingleFlight({ paths }: Configuration) {
  const path = join(workerPaths(paths.state_dir).locks, 'recovery');
  makeStateFolder(dirname(path));
  const lock = await tryLock(path, 'exclusive');
  if (lock === null) throw new LockHeldError('another recovery is at work.');
  return lock;
}

async function inRounds(
  configuration: Configuration,
  memory: RecoveryMemory,
  isForced: boolean,
): Promise<RoundsOutcome> {
  const observer = new RecoveryObserver(configuration);
  const jobs = new JobsAsked(jobsIfKnown(configuration));
  // systemd does not watch it while we run: a call that comes meanwhile is ours to see.
  const trigger = workerPaths(configuration.paths.state_dir).recoveryTrigger;
  let lastCall = triggerState(trigger);
  const beganMs = performance.now();
  const workerUser = await userIds(configuration.worker.user);
  const observe = async (known: JobsIfKnown, now: RecoveryMemory) =>
    await observer.observe(known, now, new Date().getUTCFullYear());
  return await recoverInRounds(
    {
      run: randomUUID(),
      now: () => Date.now(),
      hasTime: () => performance.now() - beganMs < roundsEndMs,
      observe: async (now) => {
        const world = await observe(await jobs.promptly(), now);
        return isForced ? { ...world, hasSentinel: true } : world;
      },
      hasLateNews: async () => {
        const call = triggerState(trigger);
        const isCalledAgain = call !== lastCall;
        lastCall = call;
        return (await jobs.isLateAnswerNews()) || isCalledAgain;
      },
      save: (now) => {
        writeMemory(memoryFile(configuration), now);
        return Promise.resolve();
      },
      apply: async (steps, seen) =>
        await applyRecovery(steps, seen, configuration, surroundings(configuration, seen, workerUser)),
    },
    recoveryPolicy(configuration),
    memory,
  );
}

function surroundings(
  configuration: Configuration,
  { world, base }: SeenWorld,
  workerUser: MountSurroundings['workerUser'],
): MountSurroundings {
  const { storagebox, recovery } = configuration;
  return {
    jobsRoot: world.jobsRoot,
    base:
      world.base === null || !base?.mount
        ? null
        : { path: world.base.path, fstype: storagebox.fstype, mount: base.mount },
    staleErrnos: storagebox.stale_errnos,
    access: {
      timeoutMs: recovery.probe_timeout_seconds * 1000,
      stuckDir: stuckProbesFolder(configuration),
    },
    workerUser,
  };
}

/** Whatever the repair came to: jobs whose place is proved may run, jobs without worker go back, and the worker looks now. */
async function lookAfterJobs(
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
