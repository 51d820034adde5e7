import { runCommand } from '../effects/command.ts';
import { isLockFree } from '../effects/flock.ts';
import { attemptLock, type WorkerPaths } from './worker-paths.ts';

const engineDeadlineMs = 10_000;

/**
 * Whether nothing of an attempt lives any more on this host: its lock, which the launcher and the crawler inherited, is
 * free, and no container of its name exists. When the engine does not answer, the container counts as alive.
 * @param crawler what the attempt ran: `wget`, or a container engine
 */
export async function isCrawlerGone(paths: WorkerPaths, attempt: string, crawler: string): Promise<boolean> {
  if (!(await isLockFree(attemptLock(paths, attempt)))) return false;
  if (crawler === 'wget') return true;
  return !(await containerMayExist(crawler, `healtharchive-${attempt}`));
}

async function containerMayExist(engine: string, name: string): Promise<boolean> {
  const result = await runCommand(
    [engine, 'ps', '--all', '--filter', `name=^${name}$`, '--format', '{{.Names}}'],
    { deadlineMs: engineDeadlineMs },
  );
  if (result.kind === 'not_found') return false;
  return result.kind !== 'exited' || result.code !== 0 || result.stdout.trim() !== '';
}
