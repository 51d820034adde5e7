import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockHeldError } from '../core/errors.ts';
import { type HeldLock, tryLock } from '../effects/flock.ts';
import { makeStateFolder } from '../effects/state-file.ts';

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

/** A worker holds the lock, shared, while it admits and starts a job: for the length of a few probes. */
const patienceMs = 30_000;
const pollMs = 50;

/**
 * Takes the storage lock exclusively: no worker admits or starts a job until it is released.
 * @throws LockHeldError when it is not to be had within half a minute
 */
export async function lockStorage(path: string): Promise<HeldLock> {
  makeStateFolder(dirname(path));
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const lock = await tryLock(path, 'exclusive');
    if (lock !== null) return lock;
    if (performance.now() > deadline) {
      const seconds = patienceMs / 1000;
      throw new LockHeldError(
        `the storage lock ${path} is held by another process for more than ${seconds} s.`,
      );
    }
    await sleep(pollMs);
  }
}
