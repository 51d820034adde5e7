import { readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

/** This machine, this boot. */
export interface HostIdentity {
  readonly host: string;
  /** /etc/machine-id, or "" where there is none. */
  readonly machineId: string;
  /** Changes with every boot (random(4), /proc/sys/kernel/random/boot_id). */
  readonly bootId: string;
}

export function thisHost(): HostIdentity {
  return {
    host: hostname(),
    machineId: readOr('/etc/machine-id', ''),
    bootId: readOr('/proc/sys/kernel/random/boot_id', ''),
  };
}

/** Milliseconds since boot, suspend included: nobody can step this clock (CLOCK_BOOTTIME). Resolution 10 ms. */
export function bootClockMs(): number {
  return Math.round(uptime() * 1000);
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return otherwise;
  }
}

export interface ProcessStart {
  /** Clock ticks since boot: with the boot id and the pid it names one process for ever. */
  readonly startTicks: number;
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
    return { startTicks: Number(field(22)) };
  } catch {
    return undefined;
  }
}

let bootId: string | undefined;

export function thisBootId(): string {
  bootId ??= thisHost().bootId;
  return bootId;
}
