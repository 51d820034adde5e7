/** One run of auto-start: alone on its host, after a recovery that is at work, and at most one start. */
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Configuration } from '../config/schema.ts';
import {
  type AutoStartMemory,
  cutAutoStartMemory,
  emptyAutoStartMemory,
  lostAutoStartMemory,
  rememberLook,
  rememberStart,
} from '../core/autostart/auto-start-memory.ts';
import type { AutoStartPolicy, AutoStartWorld, StartStep } from '../core/autostart/auto-start-world.ts';
import { type AutoStartPlan, decideAutoStart } from '../core/autostart/decide-auto-start.ts';
import type { StepResult } from '../core/plan.ts';
import { unitActivity } from '../core/units/unit-state.ts';
import { fileVersion } from '../effects/small-file.ts';
import { readStateFile, setAside, writeStateFile } from '../effects/state-file.ts';
import { askUnit, showUnits } from '../effects/systemd.ts';
import { takeSingleFlight } from '../worker/host-locks.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import { isRecoveryAtWork, observeAutoStart } from './observe-auto-start.ts';

export interface AutoStartForecast {
  readonly world: AutoStartWorld;
  readonly plan: AutoStartPlan;
}

export interface AutoStartRun extends AutoStartForecast {
  readonly results: readonly StepResult<StartStep>[];
  /** Of the memory that could not be read, where it lies now; else null. */
  readonly setAside: string | null;
  /** Whether recovery has been at work since the look: what it has mended was not seen. Never, when something was to be started. */
  readonly isOvertaken: () => Promise<boolean>;
}

/** Recovery asks for this run at its own end, while it still holds its lock. */
const recoveryPatienceMs = 20_000;
/** Longer than the worker's unit may take to start (TimeoutStartSec=60). */
const startPatienceMs = 70_000;
const pollMs = 250;

/** Looks, decides and changes nothing. */
export async function foreseeAutoStart(
  configuration: Configuration,
  nowMs: number,
): Promise<AutoStartForecast> {
  const world = await observeAutoStart(configuration);
  const read = readAutoStartMemory(autoStartMemoryFile(configuration), nowMs);
  const memory = cutAutoStartMemory(read.memory, nowMs);
  return { world, plan: decideAutoStart(world, memory, autoStartPolicy(configuration), nowMs) };
}

/** @throws LockHeldError when another one runs */
export async function runAutoStart(
  configuration: Configuration,
  { isForced }: { readonly isForced: boolean },
): Promise<AutoStartRun> {
  const { autoStartLock, recoveryMemory } = workerPaths(configuration.paths.state_dir);
  const lock = await takeSingleFlight(autoStartLock, 'auto-start');
  try {
    await untilRecoveryIsOver(configuration);
    const recoveryBefore = fileVersion(recoveryMemory);
    const seen = await observeAutoStart(configuration);
    const world = isForced ? { ...seen, hasSentinel: true } : seen;
    const nowMs = Date.now();
    const file = autoStartMemoryFile(configuration);
    const read = readAutoStartMemory(file, nowMs);
    const aside = read.isUnreadable ? setAside(file) : null;
    const memory = cutAutoStartMemory(read.memory, nowMs);
    const plan = decideAutoStart(world, memory, autoStartPolicy(configuration), nowMs);
    const looked = rememberLook(memory, world);
    // Before it is done: one that is killed in the middle must count too.
    writeStateFile(file, plan.steps.length === 0 ? looked : rememberStart(looked, nowMs));
    const results: StepResult<StartStep>[] = [];
    for (const step of plan.steps) results.push(await start(step));
    const isOvertaken = async (): Promise<boolean> =>
      plan.steps.length === 0 &&
      ((await isRecoveryAtWork(configuration)) || fileVersion(recoveryMemory) !== recoveryBefore);
    return { world, plan, results, setAside: aside, isOvertaken };
  } finally {
    lock.release();
  }
}

function autoStartPolicy({ autostart, deploy }: Configuration): AutoStartPolicy {
  return {
    cooldownMs: autostart.cooldown_seconds * 1000,
    maxPerHour: autostart.max_per_hour,
    deployLockMaxAgeMs: deploy.lock_max_age_seconds * 1000,
  };
}

async function untilRecoveryIsOver(configuration: Configuration): Promise<void> {
  const endMs = performance.now() + recoveryPatienceMs;
  while ((await isRecoveryAtWork(configuration)) && performance.now() < endMs) await sleep(pollMs);
}

/** The unit tells when the worker is ready; one that ends at once, or never gets there, has failed. */
async function start(step: StartStep): Promise<StepResult<StartStep>> {
  const beginMs = performance.now();
  const end = (error: string | null): StepResult<StartStep> => ({
    step,
    outcome: error === null ? 'done' : 'failed',
    error,
    durationMs: performance.now() - beginMs,
  });
  const [before] = await showUnits([step.unit]);
  const problem = await askUnit('start', step.unit);
  if (problem !== null) return end(problem);
  while (performance.now() - beginMs < startPatienceMs) {
    const [state] = await showUnits([step.unit]);
    const activity = state ? unitActivity(state) : null;
    if (activity === 'running') return end(null);
    const hasBegun = state !== null && state?.invocationId !== before?.invocationId;
    if (hasBegun && activity !== 'starting')
      return end(`${step.unit} does not start; see systemctl status ${step.unit}`);
    await sleep(pollMs);
  }
  return end(`${step.unit} is not ready after ${startPatienceMs / 1000} s`);
}

/** What auto-start remembers from run to run: `watchdog/worker-auto-start.json` in the state folder. */

const stamp = z.number().int();
const since = z.strictObject({ bootId: z.string(), sinceBootMs: stamp });

const schema: z.ZodType<AutoStartMemory> = z.object({
  starts: z.array(z.object({ atMs: stamp })),
  deployLock: since.nullable(),
  seenRestarts: z.object({ bootId: z.string(), sinceBootMs: stamp, count: stamp }).nullable(),
});

function autoStartMemoryFile({ paths }: Pick<Configuration, 'paths'>): string {
  return join(paths.state_dir, 'watchdog', 'worker-auto-start.json');
}

/** What can't be read counts as a start that has just happened. Nothing is thrown. */
function readAutoStartMemory(
  file: string,
  nowMs: number,
): { readonly memory: AutoStartMemory; readonly isUnreadable: boolean } {
  const read = readStateFile(file, schema);
  if (read.kind === 'read') return { memory: read.value, isUnreadable: false };
  if (read.kind === 'absent') return { memory: emptyAutoStartMemory, isUnreadable: false };
  return { memory: lostAutoStartMemory(nowMs), isUnreadable: true };
}
