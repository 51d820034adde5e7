/** The processes of a lab machine as the machine outside sees them: each has an id here that can be sent a signal. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface LabProcess {
  /** Its id outside of the lab machine. */
  readonly pid: number;
  /** Its id inside, as its own machine's programs print it. */
  readonly innerPid: number;
  readonly argv: readonly string[];
  /** One letter of proc_pid_stat(5): R, S, D (can't be killed), T (frozen), Z. */
  readonly state: string;
}

/** All living processes whose pid namespace is that of `initPid`, zombies left out. */
export function processesOf(initPid: number): LabProcess[] {
  const namespace = pidNamespace(initPid);
  if (namespace === undefined) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const pid = Number(name);
      if (pidNamespace(pid) !== namespace) return [];
      const found = describe(pid);
      return found === undefined || found.state === 'Z' ? [] : [found];
    });
}

function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // gone meanwhile, or a zombie
  }
}

function describe(pid: number): LabProcess | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    // The command line is read from the process's memory and may block behind a page fault; `cmdline` of a
    // process stuck in FUSE does not, because only its file access is stuck.
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    const state = /^State:\t(\S)/m.exec(status)?.[1] ?? '?';
    const innerPid = Number(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1] ?? 0);
    return { pid, innerPid, argv, state };
  } catch {
    return undefined;
  }
}

/** A process that ended since it was listed needs no signal any more. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
