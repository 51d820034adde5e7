import type { Configuration } from '../config/schema.ts';
import { foretellRounds } from '../core/recovery/foretell.ts';
import { rearmed } from '../core/recovery/memory.ts';
import type { RecoveryPlan } from '../core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../core/recovery/recovery-world.ts';
import { simulateBroken } from '../core/recovery/simulate.ts';
import { jobsIfKnown, type JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { JobsAsked } from './jobs-asked.ts';
import { memoryFile, readMemory } from './memory-file.ts';
import { RecoveryObserver, recoveryPolicy } from './observe-recovery.ts';

/** What a run of recovery would do now, round by round, and what it goes by. */
export interface Forecast {
  readonly world: RecoveryWorld;
  /** The first is what would be done now; the others follow if every step works. */
  readonly rounds: readonly RecoveryPlan[];
  /** Paths to be simulated as broken that are nothing recovery looks after. */
  readonly unknownPaths: readonly string[];
}

/** Looks, decides and changes nothing. Needs no root, no database and no sentinel; what can't be seen is among the refusals. */
export async function foreseeRecovery(
  configuration: Configuration,
  { brokenPaths, isRearmed }: { readonly brokenPaths: readonly string[]; readonly isRearmed: boolean },
  nowMs: number,
): Promise<Forecast> {
  const { memory: kept, problem } = readMemory(memoryFile(configuration), nowMs);
  const memory = isRearmed ? rearmed(kept) : kept;
  const seen = await observeWithJobs(configuration, memory, new Date(nowMs).getUTCFullYear());
  const notSeen = problem === null ? seen.notSeen : [...seen.notSeen, `what recovery remembers: ${problem}`];
  const { world, unknown } = simulateBroken({ ...seen, notSeen }, brokenPaths);
  const past = { memory, run: 'forecast', failed: new Set<string>(), nowMs };
  return { world, rounds: foretellRounds(world, recoveryPolicy(configuration), past), unknownPaths: unknown };
}

/** The world as it is, and the jobs, each as soon as it is known. Looks once, and throws nothing for what hangs. */
export function lookAsItIs(
  configuration: Configuration,
  nowMs: number,
): { readonly jobs: Promise<JobsIfKnown>; readonly world: Promise<RecoveryWorld> } {
  const { memory } = readMemory(memoryFile(configuration), nowMs);
  const year = new Date(nowMs).getUTCFullYear();
  const jobs = jobsIfKnown(configuration, { year });
  const world = new JobsAsked(jobs)
    .promptly()
    .then((known) => new RecoveryObserver(configuration).observe(known, memory, year));
  return { jobs, world };
}

/** A database that takes its time holds nothing up: it is looked without it, and again if its answer comes after all. */
async function observeWithJobs(
  configuration: Configuration,
  memory: Parameters<RecoveryObserver['observe']>[1],
  year: number,
): Promise<RecoveryWorld> {
  const observer = new RecoveryObserver(configuration);
  const jobs = new JobsAsked(jobsIfKnown(configuration, { year }));
  const early = await observer.observe(await jobs.promptly(), memory, year);
  if (await jobs.isLateAnswerNews()) return await observer.observe(jobs.answer, memory, year);
  return jobs.answer.isKnown ? early : { ...early, jobsUnknownBecause: jobs.answer.because };
}
