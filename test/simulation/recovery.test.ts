/**
 * Recovery against a model of a host: random worlds, flat and nested, with mishaps between its looks, steps and runs. A seed
 * makes the same world again: HEALTHARCHIVE_SIMULATION_SEED=N node --test test/simulation/recovery.test.ts
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { play } from './play.ts';

const one = process.env['HEALTHARCHIVE_SIMULATION_SEED'];
const worlds = Number(process.env['HEALTHARCHIVE_SIMULATION_WORLDS'] ?? '6000');

if (one !== undefined) {
  test(`world ${one}`, async () => {
    await play(Number(one));
  });
} else {
  test(`recovery keeps its rules in ${worlds} worlds`, async () => {
    const lanes = availableParallelism();
    const failures = await Promise.all(
      Array.from({ length: lanes }, (_, lane) => playMany({ first: 1 + lane, last: worlds, step: lanes })),
    );
    const failure = failures.find((each) => each !== null);
    assert.equal(failure ?? null, null);
  });
}

export interface Seeds {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** In a thread of its own, as there are many. Null, or what broke with which seed. */
async function playMany(workerData: Seeds): Promise<string | null> {
  const worker = new Worker(new URL('./play-many.ts', import.meta.url), { workerData });
  return await new Promise((resolve, reject) => {
    worker.once('message', (failure: string | null) => {
      resolve(failure);
    });
    worker.once('error', reject);
  });
}
