import { deployGate } from '../deploy-gate.ts';
import { general, type Refusal } from '../plan.ts';
import { lastedMs } from '../recovery/memory.ts';
import { unitActivity, whyNotStartable } from '../units/unit-state.ts';
import type { AutoStartMemory } from './auto-start-memory.ts';
import type { AutoStartPolicy, AutoStartWorld, PendingJob, StartStep } from './auto-start-world.ts';

export interface AutoStartPlan {
  /** One sentence on the whole. */
  readonly reason: string;
  /** To be done now. */
  readonly steps: readonly StartStep[];
  /** Right too, but for the refusals. */
  readonly held: readonly StartStep[];
  readonly refusals: readonly Refusal[];
}

/** That many starts by systemd between two looks are a worker that keeps dying. */
const manyRestarts = 3;
/** Two looks further apart say nothing of it. */
const looksApartMs = 15 * 60_000;

/**
 * Whether the worker is started now. Only one that is down is: with jobs that wait, storage for at least one of them, and nobody who
 * should look first. Total: a worker that is down with jobs pending has a step, or a refusal that says why not.
 */
export function decideAutoStart(
  world: AutoStartWorld,
  memory: AutoStartMemory,
  policy: AutoStartPolicy,
  nowMs: number,
): AutoStartPlan {
  const { unit, unitState, jobs } = world;
  const nothing = (reason: string, refusals: readonly Refusal[] = []): AutoStartPlan => ({
    reason,
    steps: [],
    held: [],
    refusals,
  });
  const activity = unitState === null ? null : unitActivity(unitState);
  if (activity !== null && activity !== 'down') {
    const reason = activity === 'running' ? `${unit} runs` : `systemd is at ${unit}`;
    return nothing(reason, dyingAgainAndAgain(world, memory));
  }
  if (!jobs.isKnown) return nothing(`${unit} is down`, [general('database_unreachable', jobs.because)]);
  const { pending, runningHere } = jobs;
  if (pending.length === 0) return nothing('no job waits for the worker', mayBeMidFlight(runningHere));
  const refusals = [
    ...gatesOf(world, memory, policy),
    ...unitRefusal(world),
    ...mayBeMidFlight(runningHere),
    ...storageRefusal(world, pending),
    ...limitsOf(memory, policy, nowMs),
  ];
  const many = pending.length === 1 ? 'a job waits' : `${pending.length} jobs wait`;
  const step: StartStep = {
    kind: 'start',
    path: null,
    unit,
    because: `${unit} is ${unitState?.active ?? 'down'}, and ${many}`,
  };
  const isHeld = refusals.some(({ holdsBack }) => holdsBack);
  return { reason: step.because, steps: isHeld ? [] : [step], held: isHeld ? [step] : [], refusals };
}

/**
 * Whether the worker should run: jobs wait, the base is there, and at least one of them has its storage. Null: the jobs are not
 * known. What holds a start back does not matter: that is what alerts are for.
 */
export function shouldWorkerRun({ base, jobs }: Pick<AutoStartWorld, 'base' | 'jobs'>): boolean | null {
  if (!jobs.isKnown) return null;
  return isBaseFit(base) && jobs.pending.some(isFit);
}

function isBaseFit(base: AutoStartWorld['base']): boolean {
  return base === null || base.state === 'healthy';
}

function isFit({ state }: PendingJob): boolean {
  return state === 'healthy';
}

function gatesOf(world: AutoStartWorld, memory: AutoStartMemory, policy: AutoStartPolicy): Refusal[] {
  const heldMs = lastedMs(memory.deployLock, world.clock) ?? 0;
  const deploy = deployGate(world.deployLock, heldMs, policy.deployLockMaxAgeMs);
  return [
    ...(world.hasSentinel ? [] : [noAutoStartSentinel]),
    ...(deploy === null ? [] : [deploy]),
    ...(world.isRecoveryAtWork
      ? [general('recovery_in_progress', 'recovery is at work: what it will leave is not to be seen yet')]
      : []),
  ];
}

export const noAutoStartSentinel = general(
  'no_sentinel',
  'its sentinel file is absent: starting the worker by itself is switched off',
);

function unitRefusal({ unit, unitState }: AutoStartWorld): Refusal[] {
  const why = whyNotStartable(unit, unitState);
  return why === null ? [] : [general(why.code, why.because)];
}

function mayBeMidFlight(runningHere: readonly number[]): Refusal[] {
  if (runningHere.length === 0) return [];
  const jobs = `job${runningHere.length === 1 ? '' : 's'} ${runningHere.join(', ')}`;
  const because = `the database says that ${jobs} run${runningHere.length === 1 ? 's' : ''} here, without a worker: it may be in the middle of something. Look, then: healtharchive jobs recover-stale --apply`;
  return [general('job_running', because)];
}

function storageRefusal({ base }: AutoStartWorld, pending: readonly PendingJob[]): Refusal[] {
  if (base !== null && !isBaseFit(base))
    return [general('storage_not_healthy', `the storage box is ${base.state}: ${base.reason}`)];
  if (pending.some(isFit)) return [];
  const [first] = pending;
  const because = `no job that waits has healthy storage; job ${first?.id}: ${first?.state} (${first?.reason})`;
  return [general('storage_not_healthy', because)];
}

function limitsOf({ starts }: AutoStartMemory, policy: AutoStartPolicy, nowMs: number): Refusal[] {
  if (starts.length >= policy.maxPerHour) {
    const because = `it was started ${starts.length} times in the last hour and is down again; ${policy.maxPerHour} are allowed`;
    return [general('start_cap', because)];
  }
  const last = starts.at(-1);
  const leftMs = last === undefined ? 0 : last.atMs + policy.cooldownMs - nowMs;
  if (leftMs <= 0) return [];
  const seconds = Math.ceil(leftMs / 1000);
  return [general('start_cooldown', `it was started lately; the next time in ${seconds} s at the earliest`)];
}

function dyingAgainAndAgain({ unitState, clock, unit }: AutoStartWorld, memory: AutoStartMemory): Refusal[] {
  const before = memory.seenRestarts;
  const apartMs = lastedMs(before, clock);
  if (unitState === null || before === null || apartMs === null || apartMs > looksApartMs) return [];
  const since = unitState.restarts - before.count;
  if (since < manyRestarts) return [];
  const because = `systemd has started ${unit} ${since} times in the last ${Math.max(1, Math.round(apartMs / 60_000))} minutes: it keeps dying`;
  return [general('worker_keeps_dying', because, false)];
}
