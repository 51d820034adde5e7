import { readdirSync, readFileSync } from 'node:fs';
import { MountTable } from '../core/storage/mount-table.ts';
import { parseMountinfo } from '../core/storage/mountinfo.ts';

/** The kernel hands the table out in pieces; between two of them a mount can appear or go. */
const maxReads = 4;

/** The mounts that this process sees. Reading them touches no mounted file system and so never hangs. */
export function readMountTable(): MountTable {
  let text = readFileSync('/proc/self/mountinfo', 'utf8');
  for (let reads = 1; reads < maxReads; reads += 1) {
    const again = readFileSync('/proc/self/mountinfo', 'utf8');
    if (again === text) break;
    text = again;
  }
  return new MountTable(parseMountinfo(text));
}

const directory = '/sys/fs/fuse/connections';

/**
 * Requests without an answer by FUSE connection; a connection is named by the minor of its superblock (`0:MINOR`).
 * Reading never blocks, also for a hung daemon. Only root and the user who mounted can read; others are left out.
 * Empty where fusectl is not mounted.
 */
export function readFuseConnections(): ReadonlyMap<string, number> {
  const waiting = new Map<string, number>();
  for (const minor of namesIn(directory)) {
    const count = readCount(`${directory}/${minor}/waiting`);
    if (count !== undefined) waiting.set(`0:${minor}`, count);
  }
  return waiting;
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readCount(path: string): number | undefined {
  try {
    const count = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isNaN(count) ? undefined : count;
  } catch {
    return undefined;
  }
}
