/** The thread that plays many seeds; it answers with the first one that broke a rule. */
import { parentPort, workerData } from 'node:worker_threads';
import { play } from './play.ts';
import type { Seeds } from './recovery.test.ts';

async function firstFailure({ first, last, step }: Seeds): Promise<string | null> {
  for (let seed = first; seed <= last; seed += step) {
    try {
      await play(seed);
    } catch (error) {
      const { stack } = error as Error;
      return `HEALTHARCHIVE_SIMULATION_SEED=${seed} plays it again: ${stack ?? String(error)}`;
    }
  }
  return null;
}

parentPort?.postMessage(await firstFailure(workerData as Seeds));
