import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf } from './errno.ts';

/** TERM to our own process group. We are in it, and have a handler. */
export function terminateGroup(): void {
  process.kill(0, 'SIGTERM');
}

/** KILL to every other process of our group: a crawler may have children of its own, and we must live to write the record. */
export function killRestOfGroup(): void {
  const own = groupOf(process.pid);
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || own === null || groupOf(pid) !== own) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH') throw error;
    }
  }
}

/** Field 5 of /proc/PID/stat; null when there is no such process any more. */
function groupOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2] ?? null;
  } catch {
    return null;
  }
}
