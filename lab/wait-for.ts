/** Waiting in the lab: always bounded, and a wait that fails says what it waited for and what it saw instead. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

const SHORTEST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

/**
 * Calls `observe` until it gives something truthy, and returns that. Most observations start a program, so whoever waits for long
 * asks less often: it learns what it waits for a tenth later, and leaves the cores to what it waits for.
 *
 * An observation that throws counts as "not yet". `observe` must itself be bounded.
 */
export async function waitFor<T>(
  description: string,
  observe: () => T | Promise<T>,
  timeoutMs: number,
): Promise<NonNullable<T>> {
  const begin = performance.now();
  const deadline = begin + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const seen = await observe();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${description}; last seen: ${inspect(last, { depth: 4 })}`);
    }
    const tenth = (performance.now() - begin) / 10;
    await sleep(Math.min(Math.max(SHORTEST_PAUSE_MS, tenth), LONGEST_PAUSE_MS));
  }
}
