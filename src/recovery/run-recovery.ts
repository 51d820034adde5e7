/** One run of recovery: alone on its host, in rounds, and afterwards what lets the crawls go on. */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '../config/schema.ts';
import type { OperatorError } from '../core/errors.ts';
import { isChangedSince, needsJobsToBind } from '../core/recovery/look-again.ts';
import { rearmed, type RecoveryMemory } from '../core/recovery/memory.ts';
import { recoverInRounds, type RoundsOutcome } from '../core/recovery/rounds.ts';
import type { RecoveryWorld } from '../core/recovery/recovery-world.ts';
import type { SeenWorld } from '../core/recovery/seen-world.ts';
import type { Log } from '../effects/log.ts';
import { readMountTable } from '../effects/read-mounts.ts';
import { showUnits } from '../effects/systemd.ts';
import { setAside } from '../effects/state-file.ts';
import { TriggerCalls } from '../effects/trigger-file.ts';
import { userIds } from '../effects/user-ids.ts';
import { jobsIfKnown, type JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { stuckProbesFolder } from '../hot-paths/observe-configured.ts';
import type { MountSurroundings } from '../tiering/mount-steps.ts';
import { takeSingleFlight } from '../worker/host-locks.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import { applyRecovery } from './apply-recovery.ts';
import { type Evidence, IncidentEvidence } from './evidence.ts';
import { type Afterwards, lookAfterJobs } from './look-after-jobs.ts';
import { logOpened, logPass, logPlan, logResults } from './log-pass.ts';
import { JobsAsked } from './jobs-asked.ts';
import { memoryFile, readMemory, writeMemory } from './memory-file.ts';
import { RecoveryObserver, recoveryPolicy } from './observe-recovery.ts';

/** No new round begins later; a round itself is bounded by the deadlines of its steps. */
const roundsEndMs = 120_000;
/** Who calls again and again is served by the next run. */
const maxPasses = 3;

export interface RecoveryOptions {
  /** Go on without the sentinel file. */
  readonly isForced: boolean;
  /** Forget what was repaired before. */
  readonly isRearmed: boolean;
  /** What it says while it works: about an incident, and each step. */
  readonly log: Log;
}

export interface RecoveryRun {
  /** One; more when recovery was called, or something changed, while it was finishing. */
  readonly passes: readonly [RecoveryPass, ...RecoveryPass[]];
  /** Of the memory that could not be read, where it lies now; else null. */
  readonly setAside: string | null;
  /** Whether recovery was called, or something has changed, since the last look of the last pass. */
  readonly isOvertaken: () => Promise<boolean>;
}

export interface RecoveryPass {
  readonly outcome: RoundsOutcome;
  readonly afterwards: Afterwards;
  /** Taken when an incident begins: its folder, or why there is none; null: none began. */
  readonly evidence: Evidence | OperatorError | null;
}

/** @throws LockHeldError when another one runs */
export async function runRecovery(
  configuration: Configuration,
  { isForced, isRearmed, log }: RecoveryOptions,
): Promise<RecoveryRun> {
  const state = workerPaths(configuration.paths.state_dir);
  const lock = await takeSingleFlight(state.recoveryLock, 'recovery');
  try {
    const file = memoryFile(configuration);
    const read = readMemory(file, Date.now());
    const aside = read.problem === null ? null : setAside(file);
    const calls = new TriggerCalls(state.recoveryTrigger);
    const pass = async (memory: RecoveryMemory): Promise<RecoveryPass> => {
      const result = await onePass(configuration, memory, { isForced, calls, log });
      logPass(result, log, Date.now());
      return result;
    };
    const passes: [RecoveryPass, ...RecoveryPass[]] = [
      await pass(isRearmed ? rearmed(read.memory) : read.memory),
    ];
    const isOvertaken = async (): Promise<boolean> =>
      calls.isCalledAgain() || (await isNotTheLastWord(passes.at(-1) ?? passes[0]));
    while (passes.length < maxPasses && (await isOvertaken()))
      passes.push(await pass(readMemory(file, Date.now()).memory));
    return { passes, setAside: aside, isOvertaken };
  } finally {
    lock.release();
  }
}

async function isNotTheLastWord({ outcome }: RecoveryPass): Promise<boolean> {
  const { world } = outcome.seen;
  return isChangedSince(world, await showUnits([...world.units.keys()]), readMountTable());
}

interface PassOptions {
  readonly isForced: boolean;
  readonly calls: TriggerCalls;
  readonly log: Log;
}

async function onePass(
  configuration: Configuration,
  memory: RecoveryMemory,
  options: PassOptions,
): Promise<RecoveryPass> {
  const jobs = jobsIfKnown(configuration);
  const evidence = new IncidentEvidence(configuration, jobs);
  const outcome = await inRounds(configuration, memory, { ...options, jobs, evidence });
  if (outcome.opened !== null) evidence.begin(outcome.seen.world);
  const afterwards = await lookAfterJobs(configuration, outcome);
  return { outcome, afterwards, evidence: await evidence.taken };
}

interface Pass extends PassOptions {
  readonly jobs: Promise<JobsIfKnown>;
  readonly evidence: IncidentEvidence;
}

async function inRounds(
  configuration: Configuration,
  memory: RecoveryMemory,
  { isForced, calls, log, jobs: question, evidence }: Pass,
): Promise<RoundsOutcome> {
  const observer = new RecoveryObserver(configuration);
  const jobs = new JobsAsked(question);
  const beganMs = performance.now();
  const workerUser = await userIds(configuration.worker.user);
  let world: RecoveryWorld | null = null;
  let isOpened = memory.incident !== null;
  const isFirstSight = !isOpened;
  return await recoverInRounds(
    {
      run: randomUUID(),
      now: () => Date.now(),
      hasTime: () => performance.now() - beganMs < roundsEndMs,
      observe: async (now) => {
        const year = new Date().getUTCFullYear();
        let seen = await observer.observe(await jobs.promptly(), now, year);
        if (needsJobsToBind(seen) && (await jobs.isLateAnswerNews()))
          seen = await observer.observe(await jobs.promptly(), now, year);
        world = isForced ? { ...seen, hasSentinel: true } : seen;
        return world;
      },
      hasLateNews: async () => {
        const isCalledAgain = calls.isCalledAgain();
        return (await jobs.isLateAnswerNews()) || isCalledAgain;
      },
      save: (now) => {
        writeMemory(memoryFile(configuration), now);
        if (!isOpened && now.incident !== null && world !== null) logOpened(now.incident, world, log);
        isOpened ||= now.incident !== null;
        return Promise.resolve();
      },
      apply: async (steps, seen) => {
        logPlan(steps, log);
        const around = surroundings(configuration, seen, workerUser);
        const applied = applyRecovery(steps, seen, configuration, around);
        if (isFirstSight) evidence.begin(seen.world);
        const results = await applied;
        logResults(results, log);
        return results;
      },
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
