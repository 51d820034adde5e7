/**
 * Child processes of the runner. Each has a process group of its own, so that it can be ended with all that it
 * started, and gets TERM from the kernel when the runner is gone, however that came.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const GRACE_MS = 15_000;
const running = new Set<ChildProcess>();

export function start(argv: readonly string[], environment: NodeJS.ProcessEnv, cwd: string) {
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', ...argv], {
    cwd,
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

/** Asks the group to end, and kills it when it does not. */
export async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const closed = once(child, 'close');
  signalGroup(child, 'SIGTERM');
  const killer = setTimeout(() => {
    signalGroup(child, 'SIGKILL');
  }, GRACE_MS);
  await closed;
  clearTimeout(killer);
}

export async function endAll(): Promise<void> {
  await Promise.all([...running].map(end));
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // gone meanwhile
  }
}
