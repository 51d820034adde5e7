/** The releases of an installed program: which are there, which is in use, what still runs from one. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { KeptRelease } from '../core/deploy/deploy-record.ts';
import { current, releases } from '../core/install/layout.ts';

/** Ends the name of a copy that is being made. */
export const unfinished = '.unfinished';

/** The release in use; null: nothing is installed. */
export function currentRelease(): string | null {
  try {
    return releaseIn(join(current, '..', readlinkSync(current)));
  } catch {
    return null;
  }
}

/** Whole ones. */
export function presentReleases(): KeptRelease[] {
  const running = runningReleases();
  return namesIn(releases)
    .filter((name) => !name.endsWith(unfinished) && existsSync(join(releases, name, 'bin/healtharchive')))
    .map((name) => ({
      name,
      // Of the folder: a copy keeps the stamps of its files.
      madeAtMs: statSync(join(releases, name)).ctimeMs,
      isRunning: running.has(name),
    }));
}

/** Copies that are being made, or were broken off: paths. */
export function unfinishedCopies(): string[] {
  return namesIn(releases)
    .filter((name) => name.endsWith(unfinished))
    .map((name) => join(releases, name));
}

/** The release that a process was started from; null for another program, or for who may not see it. */
export function releaseOfProcess(pid: number | string | undefined): string | null {
  if (pid === undefined) return null;
  try {
    return releaseIn(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return null;
  }
}

function runningReleases(): Set<string> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return new Set(pids.map(releaseOfProcess).filter((name) => name !== null));
}

/** As its package.json has it. @throws the file system's error: then the release is not whole */
export function versionOfRelease(name: string): string {
  return (JSON.parse(readFileSync(join(releases, name, 'package.json'), 'utf8')) as { version: string })
    .version;
}

const releaseIn = (path: string): string | null =>
  path.startsWith(`${releases}/`) ? (path.slice(releases.length + 1).split('/')[0] ?? null) : null;

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
