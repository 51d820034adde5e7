/** Commands inside a lab machine: `nsenter` into all its namespaces, with a clean environment. */
import { collect, killGroup, spawnGroup, type RunOptions } from './command.ts';

export interface InsideOptions extends RunOptions {
  /** A user of the machine inside, with its groups and home. Default root. */
  readonly user?: string;
  /** Added to a clean environment: nothing is inherited from this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default '/'. The directory is entered inside, so a hung one blocks the command, not this process. */
  readonly cwd?: string;
}

export interface StartOptions extends InsideOptions {
  /** Keeps standard input open without anything on it, as a terminal does. Default: it is empty. */
  readonly holdInput?: boolean;
}

export interface RunningCommand {
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
  /** To all of its process group. */
  kill(signal: NodeJS.Signals): void;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Without a place in the machine's own cgroups podman finds itself at '/..' and gives up. */
const JOIN_AND_BECOME = 'echo 0 >/sys/fs/cgroup/lab.commands/cgroup.procs && exec "$@"';

/** The command line that runs `command` (a string: by `sh -c`) in the namespaces of the process `initPid`. */
export function insideCommand(
  initPid: number,
  command: readonly string[] | string,
  { user = 'root', env = {}, cwd = '/' }: InsideOptions,
): string[] {
  const argv = typeof command === 'string' ? ['sh', '-c', command] : command;
  const asUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--reset-env'];
  const assignments = Object.entries({ PATH, LANG: 'C.UTF-8', ...env }).map(
    ([name, value]) => `${name}=${value}`,
  );
  // A frozen command freezes its nsenter as well, which then could not end by itself when this process is gone.
  const withUs = ['setpriv', '--pdeathsig', 'KILL'];
  const enter = [
    ...withUs,
    'nsenter',
    '--target',
    String(initPid),
    '--all',
    'sh',
    '-c',
    JOIN_AND_BECOME,
    'sh',
  ];
  return [...enter, ...asUser, 'env', '-C', cwd, ...assignments, ...argv];
}

export function startInside(
  initPid: number,
  command: readonly string[] | string,
  options: StartOptions,
): RunningCommand {
  const child = spawnGroup(insideCommand(initPid, command, options));
  child.stdin?.on('error', () => undefined);
  if (options.holdInput !== true) child.stdin?.end(options.input ?? '');
  return {
    stdout: collect(child.stdout),
    stderr: collect(child.stderr),
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, signal) => {
        resolve({ status, signal });
      });
    }),
    kill: (signal) => {
      killGroup(child, signal);
    },
  };
}
