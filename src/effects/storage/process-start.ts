import { readFileSync } from 'node:fs';
import { bootClockMs, thisHost } from '../host.ts';

/** /proc counts in hundredths of a second on every Linux architecture that Node runs on (USER_HZ). */
const ticksPerSecond = 100;

export interface ProcessStart {
  /** Clock ticks since boot: with the boot id and the pid it names one process for ever. */
  readonly startTicks: number;
  readonly ageMs: number;
}

/** Undefined when no such process exists, or it has ended and only waits to be collected. */
export function processStart(pid: number): ProcessStart | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold blanks and parentheses itself; after it comes field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const startTicks = Number(fields[22 - 3]);
    const startedAtMs = (startTicks / ticksPerSecond) * 1000;
    return { startTicks, ageMs: Math.max(0, bootClockMs() - startedAtMs) };
  } catch {
    return undefined;
  }
}

let bootId: string | undefined;

export function thisBootId(): string {
  bootId ??= thisHost().bootId;
  return bootId;
}
