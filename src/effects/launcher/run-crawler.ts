/** Runs one crawler program to its end, or until stopping is requested. */
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import type { CrawlerExit } from '../../core/attempts/exit-record.ts';
import {
  advanceProgress,
  noProgress,
  type CrawlProgress,
  type OnAnswer,
} from '../../core/crawler/progress.ts';
import { errnoOf } from './errno.ts';
import { killRestOfGroup, terminateGroup } from './process-group.ts';
import type { StopRequest } from './stop-request.ts';

export interface CrawlerRun {
  readonly exit: Extract<CrawlerExit, { kind: 'exited' | 'signaled' | 'not_started' }>;
  /** From its log. */
  readonly storageErrnos: readonly string[];
}

/** The attempt's flock'd descriptor. Node marks it close-on-exec at its own start, so it is passed on by name. */
const LOCK_FD = 3;
const LOG_FD = 1;
/** In the crawler: its folder for temporary files. */
const TEMPORARY_FD = 4;
/** After KILL a process that is stuck in the kernel is not waited for any longer: it keeps the lock, which says that it lives. */
const KILLED_DEADLINE_MS = 10_000;
const LEFTOVER_DEADLINE_MS = 1000;

export async function runCrawler(
  argv: readonly [string, ...string[]],
  /** An open folder on local disk for the crawler's temporary files; null: it has its own. */
  temporaryFd: number | null,
  stop: StopRequest,
  stopGraceMs: number,
  on: {
    readonly answer: OnAnswer;
    /** What else must be ended when the grace is over: a container is no child of ours. */
    readonly kill: () => void;
  },
): Promise<CrawlerRun> {
  const [program, ...args] = argv;
  // The crawler inherits the working directory: naming it again would go by its path.
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe', LOCK_FD, temporaryFd ?? 'ignore'],
    env: { ...crawlerEnvironment(), ...(temporaryFd === null ? {} : temporaryFolder) },
  });
  const storageErrnos = new Set<string>();
  const onProgress = (progress: CrawlProgress): void => {
    for (const errno of progress.storageErrnos) storageErrnos.add(errno);
    if (progress.archiveUnwritable) stop.request('archive_unwritable');
  };
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  for (const stream of streams) follow(stream, onProgress, on.answer);

  return new Promise((resolve) => {
    let hasEnded = false;
    let deadline: NodeJS.Timeout | undefined;
    const end = (exit: CrawlerRun['exit']): void => {
      if (hasEnded) return;
      hasEnded = true;
      clearTimeout(deadline);
      // An end that we asked for is never the crawler's own, whatever status it made of it.
      const own = stop.reason() === null || exit.kind !== 'exited';
      resolve({
        exit: own ? exit : { kind: 'signaled', signal: 'SIGTERM' },
        storageErrnos: [...storageErrnos],
      });
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
      end(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'signaled', signal });
    });
    stop.onRequest((reason) => {
      if (hasEnded) return;
      if (reason !== 'signal') terminateGroup();
      clearTimeout(deadline);
      deadline = setTimeout(() => {
        killRestOfGroup();
        on.kill();
        deadline = setTimeout(() => {
          for (const stream of streams) stream.destroy();
          child.unref();
          end({ kind: 'signaled', signal: 'SIGKILL' });
        }, KILLED_DEADLINE_MS);
      }, stopGraceMs);
    });
  });
}

/** Copies the stream to the attempt's log, and reads it on the way. */
function follow(stream: Readable, onProgress: (progress: CrawlProgress) => void, onAnswer: OnAnswer): void {
  const decoder = new StringDecoder('utf8');
  let progress = noProgress;
  stream.on('data', (chunk: Buffer) => {
    writeToLog(chunk);
    progress = advanceProgress(progress, decoder.write(chunk), onAnswer);
    onProgress(progress);
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

/**
 * wget keeps the name of a temporary file in 100 bytes and fails with a longer one, and $TMPDIR comes before its
 * --warc-tempdir (seen with 1.21): the open folder has a name that is always short.
 */
const temporaryFolder = { TMPDIR: `/proc/self/fd/${TEMPORARY_FD}` };

/** Messages in English, as the log is read by us; none of our secrets. */
function crawlerEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('HEALTHARCHIVE_') && name !== 'WGETRC' && name !== 'LANGUAGE',
  );
  return { ...Object.fromEntries(inherited), LC_ALL: 'C.UTF-8' };
}
