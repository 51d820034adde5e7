import { dirname } from 'node:path';
import { LockHeldError } from '../core/errors.ts';
import { tryLock, type HeldLock } from '../effects/flock.ts';
import { makeStateFolder } from '../effects/state-folder.ts';

/**
 * Takes the lock of an automation, of which one runs at a time on a host.
 * @param what as in "another WHAT is at work"
 * @throws LockHeldError when another one runs
 */
export async function takeSingleFlight(path: string, what: string): Promise<HeldLock> {
  makeStateFolder(dirname(path));
  const lock = await tryLock(path, 'exclusive');
  if (lock === null) throw new LockHeldError(`another ${what} is at work.`);
  return lock;
}
