import { readdirSync, readFileSync } from 'node:fs';

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
