import { readFileSync } from 'node:fs';
import { bootClockMs, thisHost } from '../host.ts';

/** /proc counts in hundredths of a second on every Linux architecture that Node runs on (USER_HZ). */
const ticksPerSecond = 100;

export interface ProcessStart {
  /** Clock ticks since boot: with the boot id and the pid it names one process for ever. */
  readonly startTicks: number;
  readonly ageMs: number;
}

/**
 * Undefined when no such process exists, or all of it has ended and only waits to be collected. Fields:
 * proc_pid_stat(5).
 */
export function processStart(pid: number): ProcessStart | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold blanks and parentheses itself; after it comes field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number: number): string => fields[number - 3] ?? '';
    // After KILL the main thread is a zombie at once, while a thread that waits for hung storage lives on.
    const isMainThreadGone = field(3) === 'Z' || field(3) === 'X';
    if (isMainThreadGone && Number(field(20)) <= 1) return undefined;
    const startTicks = Number(field(22));
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
