import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { AutomationName, automations } from '../core/automations.ts';
import type { DeployLockState } from '../core/deploy-gate.ts';
import { OperatorError } from '../core/errors.ts';
import { isLockFree } from './flock.ts';

export type SentinelName = (typeof automations)[AutomationName]['sentinel'];

/** Whether an automation is switched on: its file is there. A link or a folder in its place is not it. */
export function hasSentinel(folder: string, name: SentinelName): boolean {
  try {
    return lstatSync(join(folder, name)).isFile();
  } catch {
    return false;
  }
}

/**
 * Whether a deploy runs: somebody holds its lock by flock(2). A file that nobody holds does not count, whatever its age: one
 * that was left behind kept a watchdog still for nine days. For how long it has been held its stamps don't tell, as a lock is
 * taken without touching the file. `unknown`: something else lies in its place, or it can't be asked.
 */
export async function deployLockState(path: string): Promise<DeployLockState> {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return 'free';
    if (!stats.isFile()) return 'unknown';
    return (await isLockFree(path)) ? 'free' : 'held';
  } catch (error) {
    const isExpected = error instanceof OperatorError || (error as NodeJS.ErrnoException).code !== undefined;
    if (isExpected) return 'unknown';
    throw error;
  }
}
