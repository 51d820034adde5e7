/** A wall clock that steps, for chosen programs of a host: the kernel has only one for all of them. */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { Host } from '../host.ts';

const LIBRARY_FOLDERS = '/usr/lib';
const CLOCK_FOLDER = '/run/lab/clocks';
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** Environment for one command whose wall clock is off by `seconds`. Durations (the monotonic clock) stay true. */
export function steppedClock(seconds: number): Record<string, string> {
  return { ...preload(), FAKETIME: offset(seconds) };
}

/** From now on programs of the host find the id of another boot, as after a restart: the kernel has only one for all hosts. */
export async function anotherBoot(host: Host): Promise<{ restore(): Promise<void> }> {
  const file = '/run/lab/boot_id';
  await host.writeFile(file, `${randomUUID()}\n`);
  await host.runOk(['chmod', '755', '/run/lab', file]);
  await host.runOk(['mount', '--bind', '--', file, BOOT_ID]);
  return {
    restore: async () => {
      await host.runOk(['umount', '--', BOOT_ID]);
    },
  };
}

export interface UnitClock {
  /** Sets the wall clock of the unit, and of what it starts, off by `seconds` from the true time, at once. */
  step(seconds: number): Promise<void>;
  remove(): Promise<void>;
}

/** Gives a unit a wall clock of its own, at first the true time. Restarts it when it is running. */
export async function giveOwnClock(host: Host, unit: string): Promise<UnitClock> {
  const file = `${CLOCK_FOLDER}/${unit}`;
  const dropIn = `${unit}.d/lab-clock.conf`;
  const environment = { ...preload(), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' };
  const step = async (seconds: number): Promise<void> => {
    await host.writeFile(`${file}.new`, `${offset(seconds)}\n`);
    await host.runOk(['chmod', '755', '/run/lab', CLOCK_FOLDER]);
    await host.runOk(['mv', `${file}.new`, file]);
  };
  await step(0);
  const lines = Object.entries(environment).map(([name, value]) => `Environment=${name}=${value}\n`);
  await host.installUnit(dropIn, `[Service]\n${lines.join('')}`);
  await host.runOk(['systemctl', 'try-restart', '--', unit]);
  return {
    step,
    remove: async () => {
      await host.removeUnit(dropIn);
      await host.runOk(['systemctl', 'try-restart', '--', unit]);
    },
  };
}

function offset(seconds: number): string {
  return `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}`;
}

function preload(): Record<string, string> {
  const folder = readdirSync(LIBRARY_FOLDERS).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const library = `${LIBRARY_FOLDERS}/${folder}/faketime/libfaketime.so.1`;
  return { LD_PRELOAD: library, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}
