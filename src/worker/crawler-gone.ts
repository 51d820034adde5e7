import { runCommand } from '../effects/command.ts';
import { isLockFree } from '../effects/flock.ts';
import { attemptLock, type WorkerPaths } from './worker-paths.ts';

const questionDeadlineMs = 10_000;
const removalDeadlineMs = 30_000;

/**
 * Whether the launcher and the crawler of an attempt are gone from this host: its lock, which both inherited, is free. No
 * guess by process id. A container is no child of theirs: for it see removeContainerOf.
 */
export async function isCrawlerGone(paths: WorkerPaths, attempt: string): Promise<boolean> {
  return await isLockFree(attemptLock(paths, attempt));
}

/**
 * Makes sure that no container of an attempt is left whose crawler is gone: it has lost its launcher, and nobody will ever
 * record what it does. podman goes on listing a container as running when its monitor was killed with it, so only its
 * removal proves anything.
 * @param crawler what the attempt ran: `wget` (then there is none), or a container engine
 * @returns false when one is left, or the engine does not answer
 */
export async function removeContainerOf(attempt: string, crawler: string): Promise<boolean> {
  if (crawler === 'wget') return true;
  const name = `healtharchive-${attempt}`;
  if (await isContainerAbsent(crawler, name)) return true;
  await runCommand([crawler, 'rm', '--force', name], { deadlineMs: removalDeadlineMs });
  return await isContainerAbsent(crawler, name);
}

async function isContainerAbsent(engine: string, name: string): Promise<boolean> {
  const question = ['ps', '--all', '--filter', `name=^${name}$`, '--format', '{{.Names}}'];
  const result = await runCommand([engine, ...question], { deadlineMs: questionDeadlineMs });
  if (result.kind === 'not_found') return true;
  return result.kind === 'exited' && result.code === 0 && result.stdout.trim() === '';
}
