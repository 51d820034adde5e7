/** Runs one crawler program to its end, or until stopping is requested. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import type { CrawlerExit } from '../../core/attempts/attempt-end.ts';
import { errnoOf } from './errno.ts';
import type { StopRequest } from './stop-request.ts';

export type CrawlerRun = Extract<CrawlerExit, { kind: 'exited' | 'signaled' | 'not_started' }>;

/** The attempt's flock'd descriptor. Node marks it close-on-exec at its own start, so it is passed on by name. */
const LOCK_FD = 3;
const LOG_FD = 1;
/** After KILL a process that is stuck in the kernel is not waited for any longer: it keeps the lock, which says that it lives. */
const KILLED_DEADLINE_MS = 10_000;
const LEFTOVER_DEADLINE_MS = 1000;
/** A signal to the group is the crawler's and ours at once; that the crawler has ended of it can reach us first, by another thread. */
const SIGNALS_MS = 10;

/** @param kill what else must be ended when the grace is over: a container is no child of ours */
export async function runCrawler(
  argv: readonly [string, ...string[]],
  stop: StopRequest,
  stopGraceMs: number,
  kill: () => void,
): Promise<CrawlerRun> {
  const [program, ...args] = argv;
  // The crawler inherits the working directory: naming it again would go by its path.
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe', LOCK_FD],
    env: crawlerEnvironment(),
  });
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  for (const stream of streams) stream.on('data', writeToLog);

  return new Promise((resolve) => {
    let hasEnded = false;
    let deadline: NodeJS.Timeout | undefined;
    const end = (exit: CrawlerRun): void => {
      if (hasEnded) return;
      hasEnded = true;
      clearTimeout(deadline);
      // An end that we asked for is never the crawler's own, whatever status it made of it.
      const own = stop.reason() === null || exit.kind !== 'exited';
      resolve(own ? exit : { kind: 'signaled', signal: 'SIGTERM' });
    };
    child.once('error', (error) => {
      end({ kind: 'not_started', program, errno: errnoOf(error) });
    });
    // Children of the crawler that outlive it hold the log and the lock; the attempt is over when its program is.
    child.once('exit', () => {
      deadline ??= setTimeout(killRestOfGroup, LEFTOVER_DEADLINE_MS);
    });
    // 'close' comes after 'exit', when the log has been read to its end.
    child.once('close', (code, signal) => {
      const exit: CrawlerRun =
        signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'signaled', signal };
      setTimeout(end, SIGNALS_MS, exit);
    });
    stop.onRequest((reason) => {
      if (hasEnded) return;
      if (reason !== 'signal') terminateGroup();
      clearTimeout(deadline);
      deadline = setTimeout(() => {
        killRestOfGroup();
        kill();
        deadline = setTimeout(() => {
          for (const stream of streams) stream.destroy();
          child.unref();
          end({ kind: 'signaled', signal: 'SIGKILL' });
        }, KILLED_DEADLINE_MS);
      }, stopGraceMs);
    });
  });
}

/** A full local disk must not end a crawl whose archive is elsewhere: then the log has a gap. */
export function writeToLog(bytes: Buffer | string): void {
  try {
    writeSync(LOG_FD, Buffer.from(bytes));
  } catch (error) {
    errnoOf(error);
  }
}

/** Messages in English, for whoever reads the log; none of our secrets. */
function crawlerEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('HEALTHARCHIVE_') && name !== 'LANGUAGE',
  );
  return { ...Object.fromEntries(inherited), LC_ALL: 'C.UTF-8' };
}

/** TERM to our own process group. We are in it, and have a handler. */
function terminateGroup(): void {
  process.kill(0, 'SIGTERM');
}

/** KILL to every other process of our group: a crawler may have children of its own, and we must live to write the record. */
function killRestOfGroup(): void {
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
