import { rmSync } from 'node:fs';
import { isContainerEngine } from '../core/crawler/container.ts';
import { runCommand } from '../effects/command.ts';
import { isLockFree } from '../effects/flock.ts';
import { attemptLock, type WorkerPaths } from './worker-paths.ts';

const questionDeadlineMs = 5_000;
const removalDeadlineMs = 15_000;

/**
 * Whether the launcher and the crawler of an attempt are gone from this host: its lock, which both inherited, is free. No
 * guess by process id. A container is no child of theirs: for it see removeContainerOf.
 */
export async function isCrawlerGone(paths: WorkerPaths, attempt: string): Promise<boolean> {
  return await isLockFree(attemptLock(paths, attempt));
}

/** Removes the lock file of an attempt that is over. While something still holds it, it stays: it says that this lives. */
export async function removeFreeLock(paths: WorkerPaths, attempt: string): Promise<void> {
  try {
    if (await isCrawlerGone(paths, attempt)) rmSync(attemptLock(paths, attempt), { force: true });
  } catch {
    // A lock file that stays is an empty file too many, no more.
  }
}

/** `left`: it can't be removed. `engine_hangs`: nobody can say, and asking again costs the same time. */
export type ContainerRemoval = 'absent' | 'left' | 'engine_hangs';

/** Engines that did not answer during one look at all jobs. */
export type HangingEngines = Set<string>;

/**
 * Makes sure that no container of an attempt is left whose crawler is gone: it has lost its launcher, and nobody will ever
 * record what it does. podman goes on listing a container as running when its monitor was killed with it, so only its
 * removal proves anything.
 * @param crawler what the attempt ran: a container engine, or a program (then there is none)
 */
export async function removeContainerOf(attempt: string, crawler: string): Promise<ContainerRemoval> {
  if (!isContainerEngine(crawler)) return 'absent';
  const name = `healtharchive-${attempt}`;
  const before = await lookFor(crawler, name);
  if (before !== 'left') return before;
  const removal = await runCommand([crawler, 'rm', '--force', name], { deadlineMs: removalDeadlineMs });
  if (removal.kind === 'timed_out') return 'engine_hangs';
  return await lookFor(crawler, name);
}

async function lookFor(engine: string, name: string): Promise<ContainerRemoval> {
  const question = ['ps', '--all', '--filter', `name=^${name}$`, '--format', '{{.Names}}'];
  const result = await runCommand([engine, ...question], { deadlineMs: questionDeadlineMs });
  if (result.kind === 'not_found') return 'absent';
  if (result.kind === 'timed_out') return 'engine_hangs';
  return result.kind === 'exited' && result.code === 0 && result.stdout.trim() === '' ? 'absent' : 'left';
}
