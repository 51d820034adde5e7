import { hourMs, lastedMs, type Since } from '../recovery/memory.ts';
import type { AutoStartWorld } from './auto-start-world.ts';

/** What auto-start remembers from run to run: it bounds what is done, and tells a worker that keeps dying from one that died. */
export interface AutoStartMemory {
  /** The newest last; none older than an hour. */
  readonly starts: readonly { readonly atMs: number }[];
  /** Since when every run has found the deploy lock held. */
  readonly deployLock: Since | null;
  /** How often systemd had started the worker again by itself when it was last looked at (NRestarts). */
  readonly seenRestarts: SeenRestarts | null;
}

export interface SeenRestarts extends Since {
  readonly count: number;
}

export const emptyAutoStartMemory: AutoStartMemory = { starts: [], deployLock: null, seenRestarts: null };

/** What follows from a memory that could not be read: the worker has just been started. */
export function lostAutoStartMemory(nowMs: number): AutoStartMemory {
  return { ...emptyAutoStartMemory, starts: [{ atMs: nowMs }] };
}

/** As it is used from now on: stamps from the future become now, once and for all; what is too old to matter is forgotten. */
export function cutAutoStartMemory(memory: AutoStartMemory, nowMs: number): AutoStartMemory {
  const starts = memory.starts
    .map(({ atMs }) => ({ atMs: Math.min(atMs, nowMs) }))
    .filter(({ atMs }) => nowMs - atMs < hourMs);
  return { ...memory, starts };
}

/** With what this look has shown. */
export function rememberLook(memory: AutoStartMemory, world: AutoStartWorld): AutoStartMemory {
  const { bootId, bootMs } = world.clock;
  const { deployLock, seenRestarts } = memory;
  const isSameBoot = lastedMs(deployLock, world.clock) !== null;
  const held = isSameBoot ? deployLock : { bootId, sinceBootMs: bootMs };
  return {
    ...memory,
    deployLock: world.deployLock === 'held' ? held : null,
    seenRestarts:
      world.unitState === null
        ? seenRestarts
        : { bootId, sinceBootMs: bootMs, count: world.unitState.restarts },
  };
}

export function rememberStart(memory: AutoStartMemory, nowMs: number): AutoStartMemory {
  return { ...memory, starts: [...memory.starts, { atMs: nowMs }] };
}
