import { setTimeout as pause } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import { foretellRounds } from '../core/recovery/foretell.ts';
import type { RecoveryPlan } from '../core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../core/recovery/recovery-world.ts';
import { simulateBroken } from '../core/recovery/simulate.ts';
import { jobsIfKnown, type JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { memoryFile, readMemory } from './memory-file.ts';
import { RecoveryObserver } from './observe-recovery.ts';
import { recoveryPolicy } from './recovery-policy.ts';

/** What a run of recovery would do now, round by round, and what it goes by. */
export interface Forecast {
  readonly world: RecoveryWorld;
  /** The first is what would be done now; the others follow if every step works. */
  readonly rounds: readonly RecoveryPlan[];
  /** Paths to be simulated as broken that are nothing recovery looks after. */
  readonly unknownPaths: readonly string[];
}

/** A database that works answers sooner; what takes longer is not waited for by whoever looks at broken storage. */
const promptAnswerMs = 600;

/** Looks, decides and changes nothing. Needs no root, no database and no sentinel; what can't be seen is among the refusals. */
export async function foreseeRecovery(
  configuration: Configuration,
  brokenPaths: readonly string[],
  nowMs: number,
): Promise<Forecast> {
  const { memory, problem } = readMemory(memoryFile(configuration), nowMs);
  const seen = await observeWithJobs(configuration, memory, new Date(nowMs).getUTCFullYear());
  const notSeen = problem === null ? seen.notSeen : [...seen.notSeen, `what recovery remembers: ${problem}`];
  const { world, unknown } = simulateBroken({ ...seen, notSeen }, brokenPaths);
  const past = { memory, run: 'forecast', failed: new Set<string>(), nowMs };
  return { world, rounds: foretellRounds(world, recoveryPolicy(configuration), past), unknownPaths: unknown };
}

/** A database that takes its time holds nothing up: it is looked without it, and with its answer only if that comes after all. */
async function observeWithJobs(
  configuration: Configuration,
  memory: Parameters<RecoveryObserver['observe']>[1],
  year: number,
): Promise<RecoveryWorld> {
  const observer = new RecoveryObserver(configuration);
  const question = jobsIfKnown(configuration);
  const notYet: JobsIfKnown = { isKnown: false, because: 'it has not answered yet', fix: null };
  const prompt = await Promise.race([question, pause(promptAnswerMs, notYet)]);
  const early = await observer.observe(prompt, memory, year);
  const jobs = await question;
  if (prompt === jobs) return early;
  if (!jobs.isKnown) return { ...early, jobsUnknownBecause: jobs.because };
  return await observer.observe(jobs, memory, year);
}
