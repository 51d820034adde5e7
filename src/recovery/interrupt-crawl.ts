import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import type { LauncherProcess, LaunchSpec } from '../core/attempts/launch-spec.ts';
import { removalArguments } from '../core/crawler/container.ts';
import type { InterruptStep } from '../core/recovery/recovery-plan.ts';
import { runCommand } from '../effects/command.ts';
import { readPlainFile } from '../effects/small-file.ts';
import { processStart, thisBootId } from '../effects/host.ts';
import { signalUnit } from '../effects/systemd.ts';
import { done, type Ending, failed } from '../tiering/mount-steps.ts';
import { isCrawlerGone } from '../worker/crawler-gone.ts';
import { stateOfSuperblock } from '../worker/job-storage.ts';
import { attemptFiles, workerPaths } from '../worker/worker-paths.ts';
import { changeJobs } from './job-changes.ts';

/** The worker hears of it at once (SIGUSR1), and gives the crawl 5 s from TERM to KILL. */
const workerPatienceMs = 10_000;
const termPatienceMs = 5_000;
const killPatienceMs = 2_000;
const pollMs = 50;
const containerDeadlineMs = 10_000;

/**
 * Ends one attempt whose storage is dead, and nothing else: through its job, so that the worker says what became of it; and if
 * nobody answers, by its own processes and its container. It is gone when its lock is free.
 */
export async function interruptCrawl(step: InterruptStep, configuration: Configuration): Promise<Ending> {
  const { attempt, jobId, device, because } = step;
  const paths = workerPaths(configuration.paths.state_dir);
  const isGoneWithin = async (milliseconds: number): Promise<boolean> => {
    const endMs = performance.now() + milliseconds;
    while (!(await isCrawlerGone(paths, attempt))) {
      if (performance.now() >= endMs) return false;
      await sleep(pollMs);
    }
    return true;
  };
  if (await isCrawlerGone(paths, attempt)) return done;
  const state = await stateOfSuperblock(configuration, device);
  if (state !== 'dead') return failed(`its storage is ${state ?? 'not to be seen'} now, no longer dead`);
  const files = attemptFiles(paths, attempt);
  const spec = readJson(files.spec) as Partial<LaunchSpec> | null;
  if (typeof spec?.token === 'string') {
    const answer = await changeJobs(configuration, { kind: 'interrupt', jobId, token: spec.token, because });
    if (answer.kind === 'interrupt' && answer.isAsked) {
      await signalUnit('SIGUSR1', configuration.worker.unit);
      if (await isGoneWithin(workerPatienceMs)) return done;
    }
  }
  const launcher = readJson(files.process) as LauncherProcess | null;
  if (launcher === null || !isRunning(launcher)) {
    // Nobody leads the group any more, so its number may be somebody else's.
    return (await isGoneWithin(pollMs))
      ? done
      : failed('its processes are not known, and its worker does not answer');
  }
  signalGroup(launcher.pid, 'SIGTERM');
  if (await isGoneWithin(termPatienceMs)) return done;
  signalGroup(launcher.pid, 'SIGKILL');
  if (spec?.container)
    await removeContainer(spec.container.engine, spec.container.name, configuration.worker.user);
  if (await isGoneWithin(killPatienceMs)) return done;
  return failed(`it can’t be ended: the kernel holds it (process group ${launcher.pid})`);
}

/** What the worker's user wrote, read by root. */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readPlainFile(file, { followLinks: false }));
  } catch {
    return null;
  }
}

function isRunning({ bootId, pid, startTicks }: LauncherProcess): boolean {
  return (
    bootId === thisBootId() &&
    Number.isInteger(pid) &&
    pid > 1 &&
    processStart(pid)?.startTicks === startTicks
  );
}

function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile, which is what is wanted; its lock says so.
  }
}

/** Rootless containers are known to the engine of their user alone. */
async function removeContainer(engine: string, name: string, user: string): Promise<void> {
  const argv = ['runuser', '-u', user, '--', engine, ...removalArguments(engine, name)] as const;
  await runCommand([...argv], { deadlineMs: containerDeadlineMs });
}
