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
