import { setTimeout as sleep } from 'node:timers/promises';
import type { UnitState } from '../core/units/unit-state.ts';
import { readMountTable } from '../effects/read-mounts.ts';
import { showUnits } from '../effects/systemd.ts';

/** The mount table costs nothing to read; systemctl is a program that has to be started each time. */
const tablePollMs = 50;
const quietPollMs = 500;

export interface UnitWait {
  readonly unit: string;
  /** What it mounts. */
  readonly path: string;
  readonly deadlineMs: number;
  /** Ends the wait. */
  readonly isOver: (state: UnitState) => boolean;
}

/**
 * Waits until systemd is through with a unit. It is asked when the mount comes or goes, and otherwise now and then.
 * @returns its state in the end; null: systemd does not answer
 */
export async function waitForUnit({ unit, path, deadlineMs, isOver }: UnitWait): Promise<UnitState | null> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const before = mountAt(path);
    const state = (await showUnits([unit]))[0] ?? null;
    if ((state !== null && isOver(state)) || performance.now() >= endMs) return state;
    // Mounted, only the unit's own proof that it answers is left: that takes a moment.
    const pauseMs = before === null ? quietPollMs : tablePollMs;
    const nextMs = Math.min(endMs, performance.now() + pauseMs);
    do await sleep(tablePollMs);
    while (performance.now() < nextMs && mountAt(path) === before);
  }
}

function mountAt(path: string): string | null {
  const top = readMountTable().topmostAt(path);
  return top === undefined ? null : `${top.id} ${top.device}`;
}
