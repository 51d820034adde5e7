import type { StepResult } from '../plan.ts';
import { decideRecovery } from './decide-round.ts';
import { maxRounds } from './foretell.ts';
import type { Past } from './limits.ts';
import type { Incident, RecoveryMemory } from './memory.ts';
import type { RecoveryPlan, RecoveryPolicy, RecoveryStep } from './recovery-plan.ts';
import type { RecoveryWorld } from './recovery-world.ts';
import { rememberBegun, rememberEnded, rememberOver, rememberSeen } from './remember.ts';
import { seeWorld, type SeenWorld } from './seen-world.ts';

/** What a run of recovery does in the world outside. */
export interface RoundEffects {
  /** Names this run. */
  readonly run: string;
  /** Wall clock. */
  now(): number;
  /** Whether another round may begin. */
  hasTime(): boolean;
  observe(memory: RecoveryMemory): Promise<RecoveryWorld>;
  /** When nothing is left to do: whether something has been learnt since the last look that is worth another one. */
  hasLateNews(): Promise<boolean>;
  /** Durably: it has returned before anything is changed. */
  save(memory: RecoveryMemory): Promise<void>;
  /** Re-checks each step, does it, and goes on with what does not depend on one that failed. */
  apply(steps: readonly RecoveryStep[], seen: SeenWorld): Promise<readonly StepResult<RecoveryStep>[]>;
}

export interface Round {
  readonly plan: RecoveryPlan;
  readonly results: readonly StepResult<RecoveryStep>[];
}

export interface RoundsOutcome {
  readonly memory: RecoveryMemory;
  readonly rounds: readonly Round[];
  /** What was decided in the end: without steps, if the rounds were enough. */
  readonly last: RecoveryPlan;
  readonly seen: SeenWorld;
  /** The incident that began in this run, and the one that ended in it: perhaps the same. */
  readonly opened: Incident | null;
  readonly closed: Incident | null;
}

/** While something changes under the look, it is looked at again; what keeps changing is left to the next run. */
const maxLooksAgain = 3;
/** Whoever calls for recovery again and again is served by the next run. */
const maxLateLooks = 3;

/**
 * Recovery as a reconciler: look, decide, do what is right in the world as it is, and look again, until nothing is left to
 * do. A round relies on nothing that the one before it meant to do, so a run that was killed is continued by the next one.
 */
export async function recoverInRounds(
  effects: RoundEffects,
  policy: RecoveryPolicy,
  before: RecoveryMemory,
): Promise<RoundsOutcome> {
  const rounds: Round[] = [];
  const failed = new Set<string>();
  let memory = before;
  let looksAgain = 0;
  let lateLooks = 0;
  let incident = before.incident;
  for (;;) {
    const seen = seeWorld(await effects.observe(memory));
    memory = rememberSeen(memory, seen, effects.now());
    incident = memory.incident ?? incident;
    const past: Past = { memory, run: effects.run, failed, nowMs: effects.now() };
    const plan = decideRecovery(seen, policy, past);
    const isOver = rounds.length >= maxRounds || !effects.hasTime();
    if (plan.steps.length === 0 && isChanging(plan) && looksAgain < maxLooksAgain && !isOver) {
      looksAgain += 1;
      continue;
    }
    if (plan.steps.length === 0 && !isOver && lateLooks < maxLateLooks && (await effects.hasLateNews())) {
      lateLooks += 1;
      continue;
    }
    if (plan.steps.length === 0 || isOver) {
      memory = rememberOver(memory, effects.run, failed.size > 0);
      await effects.save(memory);
      return {
        memory,
        rounds,
        last: plan,
        seen,
        ...incidentNews(before.incident, incident, memory.incident),
      };
    }
    memory = rememberBegun(memory, effects.run, plan.steps, seen, effects.now());
    await effects.save(memory);
    const results = await effects.apply(plan.steps, seen);
    rounds.push({ plan, results });
    memory = rememberEnded(memory, results, effects.now());
    for (const { step, outcome } of results) if (outcome !== 'done') failed.add(step.path);
  }
}

function incidentNews(before: Incident | null, during: Incident | null, after: Incident | null) {
  return { opened: before === null ? during : null, closed: after === null ? during : null };
}

function isChanging({ refusals }: RecoveryPlan): boolean {
  return refusals.some(({ code }) => code === 'unconfirmed');
}
