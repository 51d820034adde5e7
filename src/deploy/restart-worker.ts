import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import { LockHeldError, OperatorError } from '../core/errors.ts';
import { unitActivity, type UnitState } from '../core/units/unit-state.ts';
import { askUnit, showUnits, unitLog } from '../effects/systemd.ts';
import { lockStorage } from '../worker/host-locks.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import { countRunning } from './observe-deploy.ts';

const pollMs = 100;
/** Its unit gives it 120 s to end its crawls (TimeoutStopSec=), and 60 s to come up (TimeoutStartSec=). */
const restartMs = 190_000;

/**
 * Restarts the worker if no job runs: nothing is admitted between the look and the restart, as that is done under the storage lock.
 * @param isForced although jobs run: they are stopped in order, and go on with one attempt more
 * @returns why it was left for later, without full stop; null when the new one is up
 * @throws OperatorError when it does not come up
 */
export async function restartWorker(configuration: Configuration, isForced: boolean): Promise<string | null> {
  const { unit } = configuration.worker;
  const before = await stateOf(unit);
  if (!isForced && unitActivity(before) === 'down') return `${unit} is down, and is not started`;
  let lock;
  try {
    lock = isForced ? null : await lockStorage(workerPaths(configuration.paths.state_dir).storageLock);
  } catch (error) {
    if (error instanceof LockHeldError) return `${error.message.replace(/\.$/, '')}; left for later`;
    throw error;
  }
  try {
    const running = isForced ? 0 : await countRunning(configuration);
    if (running === null) return 'the database does not say whether a job runs; left for later';
    if (running > 0) return `${running === 1 ? '1 job runs' : `${running} jobs run`}; left for later`;
    const problem = await askUnit('restart', unit);
    if (problem !== null) throw new OperatorError(`${problem}.`);
    await until(unit, ({ invocationId }) => invocationId !== before.invocationId, false);
  } finally {
    // The new one needs it, to admit its first job.
    lock?.release();
  }
  await until(unit, ({ active }) => active === 'active', true);
  return null;
}

/** @param mayGiveUp once it has failed, or waits to be started again */
async function until(unit: string, isSo: (state: UnitState) => boolean, mayGiveUp: boolean): Promise<void> {
  const deadline = performance.now() + restartMs;
  for (;;) {
    const state = await stateOf(unit);
    if (isSo(state)) return;
    const isGivenUp = state.active === 'failed' || unitActivity(state) === 'waiting';
    if ((mayGiveUp && isGivenUp) || performance.now() > deadline)
      throw new OperatorError(await whyNotUp(unit, state));
    await sleep(pollMs);
  }
}

async function whyNotUp(unit: string, { active, sub }: UnitState): Promise<string> {
  const said = (await unitLog(unit)).filter((line) => line.trim() !== '').slice(-5);
  return [`${unit} does not come up (${active}, ${sub}); it says:`, ...said].join('\n');
}

async function stateOf(unit: string): Promise<UnitState> {
  const [state = null] = await showUnits([unit]);
  if (state === null) throw new OperatorError('systemd does not answer.', 'systemctl status');
  return state;
}
