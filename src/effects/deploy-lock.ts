import { statSync } from 'node:fs';
import { isLockFree } from './flock.ts';

/**
 * `held`: a deploy runs. `stale`: somebody has held it for longer than a deploy may take, and it suppresses nothing. A file
 * that nobody holds does not count, whatever its age: one that was left behind kept a watchdog still for nine days.
 * @throws OperatorError when it can't be asked
 */
export async function deployLockState(
  path: string,
  maxAgeMs: number,
  nowMs: number,
): Promise<'free' | 'held' | 'stale'> {
  if (await isLockFree(path)) return 'free';
  // Who takes it writes or touches it; a stamp from the future counts as now.
  const touchedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
  return nowMs - Math.min(touchedMs, nowMs) > maxAgeMs ? 'stale' : 'held';
}
