import type { Refusal } from './plan.ts';

/** Whether somebody holds the deploy lock; `unknown`: something else lies in its place, or it can't be asked. */
export type DeployLockState = 'free' | 'held' | 'unknown';

/**
 * What a deploy means for an automation. A lock that every run has found held for too long holds nothing back any more: a lock that
 * was forgotten kept a watchdog still for nine days.
 * @param heldMs for how long it has been seen held, run after run
 */
export function deployGate(lock: DeployLockState, heldMs: number, maxAgeMs: number): Refusal | null {
  const gate = (code: Refusal['code'], because: string, holdsBack: boolean): Refusal => ({
    code,
    because,
    path: null,
    holdsBack,
  });
  if (lock === 'unknown')
    return gate('deploy_lock_unknown', 'the deploy lock can’t be asked; it holds nothing back', false);
  if (lock === 'free') return null;
  if (heldMs <= maxAgeMs) return gate('deploy_lock', 'a deploy runs: it holds the deploy lock', true);
  const minutes = Math.round(heldMs / 60_000);
  const because = `the deploy lock has been held for ${minutes} minutes; it holds nothing back any more`;
  return gate('deploy_lock_stale', because, false);
}
