/**
 * Starts an attempt from the worker's process and keeps hold of it. The worker never waits for storage here: the
 * launcher (launcher.ts) is a process of its own that starts in `/` and alone goes near the output directory, and every
 * call below returns at once whatever state that process is in.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { LaunchSpec } from '../core/attempts/launch-spec.ts';
import { removalArguments } from '../core/crawler/container.ts';
import { writeFileAtomically } from './small-file.ts';
import { programPath } from './program-path.ts';

export interface LaunchFiles {
  /** Where the spec is written for the launcher, and kept as evidence: on local disk. */
  readonly specFile: string;
  /** Open for appending: the attempt's log, on local disk. The caller closes its own copy. */
  readonly logFd: number;
  /** Holds the flock that says "this crawler lives"; launcher and crawler inherit it. The caller closes its own copy. */
  readonly lockFd: number;
}

export interface RunningAttempt {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it names this process and no later one. Null when it has ended already. */
  readonly processStartTime: string | null;
  /** Settles when the launcher has ended. It never rejects, and may never settle: a launcher can be stuck in the kernel. */
  readonly exited: Promise<void>;
  /** TERM to launcher and crawler: the crawler ends, the launcher tidies up and writes its exit record. */
  readonly terminate: () => void;
  /** KILL to both, and removal of the container. No exit record is written then, unless it was there already. */
  readonly kill: () => void;
  /** Forgets the process without ending it: it no longer keeps this process alive, and is ended by its lifeline. */
  readonly release: () => void;
}

/**
 * Rejects with an error that has an errno code when the launcher process can't be started at all (EAGAIN, ENOMEM) or
 * the spec can't be written.
 */
export async function launchAttempt(spec: LaunchSpec, files: LaunchFiles): Promise<RunningAttempt> {
  writeFileAtomically(files.specFile, `${JSON.stringify(spec, null, 2)}\n`);
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--', programPath('launcher'), files.specFile],
    { cwd: '/', detached: true, stdio: ['pipe', files.logFd, files.logFd, files.lockFd] },
  );
  // The lifeline is only ever closed. If the launcher ends first, the pipe breaks, which is no news.
  child.stdin?.on('error', () => undefined);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.on('error', () => undefined);
  const { pid } = child;
  if (pid === undefined) throw new Error('a process that was spawned has no pid');

  let hasExited = false;
  child.once('exit', () => {
    hasExited = true;
  });
  const signalGroup = (signal: NodeJS.Signals): void => {
    // The crawler may outlive the launcher in the same group, so an ended launcher is no reason not to signal. The group
    // id can't be another's: it is in use as long as one member lives, and is signalled only while `exited` is awaited.
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (!isNodeError(error) || error.code !== 'ESRCH') throw error;
    }
  };
  return {
    pid,
    processStartTime: processStartTime(pid),
    exited,
    terminate: () => {
      if (!hasExited) signalGroup('SIGTERM');
    },
    kill: () => {
      signalGroup('SIGKILL');
      if (spec.container !== null) removeContainer(spec.container.engine, spec.container.name);
    },
    release: () => {
      child.stdin?.destroy();
      child.unref();
    },
  };
}

/** Starts `ENGINE rm -f NAME` and does not wait: the engine itself may hang on dead storage. */
export function removeContainer(engine: string, name: string): void {
  const child = spawn(engine, removalArguments(engine, name), { cwd: '/', detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
}

/** From /proc, which never blocks on storage. */
function processStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may contain anything; the fields after it do not.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function isNodeError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
