import { deployGate } from '../deploy-gate.ts';
import { general, type Refusal, refuse, type Why } from '../plan.ts';
import { failedInThisRun, generalLimit, limitOf, type Past } from './limits.ts';
import { lastedMs } from './memory.ts';
import { isChange, type RecoveryPolicy, type Repair } from './recovery-plan.ts';
import type { RecoveryWorld } from './recovery-world.ts';

export interface HeldBack {
  readonly allowed: readonly Repair[];
  readonly held: readonly Repair[];
  readonly refusals: readonly Refusal[];
}

/**
 * Which of the right repairs are done now. A missing sentinel and a deploy hold back all that changes mounts or crawls; limits
 * too, but not what an earlier run took off and did not put back: a readable local directory must not wait for an hour.
 */
export function holdBack(
  repairs: readonly Repair[],
  world: RecoveryWorld,
  policy: RecoveryPolicy,
  past: Past,
): HeldBack {
  const gates = gatesOf(world, policy, past);
  const closed = gates.filter(({ holdsBack }) => holdsBack);
  const capped = generalLimit(past, policy);
  const allowed: Repair[] = [];
  const held: Repair[] = [];
  const refusals: Refusal[] = [];
  let isCapped = false;
  for (const repair of repairs) {
    const limit = limitOfRepair(repair, policy, past);
    if (isVerification(repair) && limit === null && world.hasSentinel) allowed.push(repair);
    else if (closed.length > 0) held.push(repair);
    else if (isWait(repair) && limit !== null) refusals.push(refuse(repair, stillStarting));
    else if (isOwed(repair, past) && failedInThisRun(repair.path, past) === null) allowed.push(repair);
    else if (capped !== null && !isWait(repair)) {
      isCapped = true;
      held.push(repair);
    } else if (limit !== null) {
      held.push(repair);
      refusals.push(refuse(repair, limit, true));
    } else allowed.push(repair);
  }
  const caps = isCapped && capped !== null ? [general(capped.code, capped.because)] : [];
  const isHeld = held.length > 0;
  return {
    allowed,
    held,
    refusals: [...gates.filter(({ holdsBack }) => isHeld || !holdsBack), ...caps, ...refusals],
  };
}

/** It was waited for once in this run. */
const stillStarting: Why = {
  code: 'still_starting',
  because: 'systemd is still at its unit; the next run looks again',
};

export const noSentinel = general(
  'no_sentinel',
  'its sentinel file is absent: automatic recovery is switched off',
);

function gatesOf(world: RecoveryWorld, policy: RecoveryPolicy, past: Past): Refusal[] {
  const gates: Refusal[] = [];
  if (!world.hasSentinel) gates.push(noSentinel);
  const heldMs = lastedMs(past.memory.deployLock, world.clock) ?? 0;
  const deploy = deployGate(world.deployLock, heldMs, policy.deployLockMaxAgeMs);
  if (deploy !== null) gates.push(deploy);
  return gates;
}

function limitOfRepair({ path, steps, breaks }: Repair, policy: RecoveryPolicy, past: Past) {
  const failed = failedInThisRun(path, past);
  if (failed !== null) return failed;
  if (!steps.some(isChange)) return null;
  const interruptedJobs = steps.flatMap((step) => (step.kind === 'interrupt' ? [step.jobId] : []));
  for (const place of [path, ...breaks]) {
    const limit = limitOf({ path: place, interruptedJobs }, past, policy);
    if (limit === null) continue;
    return place === path ? limit : { ...limit, because: `${place}, which it would break: ${limit.because}` };
  }
  return null;
}

/** It changes no mount and ends nobody. */
function isVerification({ steps }: Repair): boolean {
  return steps.every(({ kind }) => kind === 'verify');
}

function isWait({ steps }: Repair): boolean {
  return steps.every(({ kind }) => kind === 'wait');
}

function isOwed({ path, steps }: Repair, { memory }: Past): boolean {
  const owed = memory.takenOff.some((entry) => entry.path === path && !entry.isRetried);
  return owed && !steps.some(({ kind }) => kind === 'unmount' || kind === 'interrupt' || kind === 'abort');
}
