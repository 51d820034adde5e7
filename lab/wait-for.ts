/** Waiting in the lab: always bounded, and a wait that fails says what it waited for and what it saw instead. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

const PAUSE_MS = 20;

/**
 * Calls `observe` until it gives something truthy, and returns that.
 *
 * An observation that throws counts as "not yet". `observe` must itself be bounded.
 */
export async function waitFor<T>(
  description: string,
  observe: () => T | Promise<T>,
  timeoutMs: number,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
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
    await sleep(PAUSE_MS);
  }
}
