/**
 * One attempt from its spec to its exit record:
 *
 *   enter      check the output directory's mount and go into it; make its folders; write a test file
 *   prepare    refuse to touch files of an earlier attempt; collect what earlier attempts archived
 *   crawl      run the passes, one after another, until one fails for good or stopping is requested
 *   secure     name, sync and count the archive files
 *
 * Every step that storage can fail ends in the record instead of an exception.
 */
import { constants, openSync, rmSync } from 'node:fs';
import type { ArchivedFiles, CrawlerExit, ExitRecord } from '../../core/attempts/exit-record.ts';
import type { LaunchSpec } from '../../core/attempts/launch-spec.ts';
import { adoptContainerFiles, filesOfAttempt, sizeOfFiles, syncFiles, warcFilesOf } from './attempt-files.ts';
import { removeContainer } from './container-end.ts';
import { CrawlTally } from './crawl-tally.ts';
import { DedupFile } from './dedup-file.ts';
import { cdxFilesOf } from './earlier-archive.ts';
import { errnoOf } from './errno.ts';
import { makeFolder } from './make-folder.ts';
import { enterOutputDirectory, problemOfFolder, type StorageProblem } from './output-directory.ts';
import { runCrawler, writeToLog, type CrawlerRun } from './run-crawler.ts';
import type { StopRequest } from './stop-request.ts';
import { errnoOfWriting } from './write-test.ts';

export interface AttemptResult extends Pick<
  ExitRecord,
  'exit' | 'archived' | 'seedRedirects' | 'storageErrnos'
> {
  /** The attempt's folder, if the working directory is the output directory; null: it could not be entered. */
  readonly folder: string | null;
}

/** wget's "some server answered with an error", "network failure" and the like: the other seeds may still work. */
const MAY_GO_ON: ReadonlySet<number> = new Set([0, 4, 5, 6, 7, 8]);

export async function runAttempt(spec: LaunchSpec, stop: StopRequest): Promise<AttemptResult> {
  const cut = spec.attempt.lastIndexOf('-');
  const folder = `attempts/${spec.attempt.slice(cut + 1)}`;
  const problem =
    enterOutputDirectory(spec.outputDir, { mount: spec.expectedMount, device: spec.expectedDevice }) ??
    prepareFolders(spec, folder);
  if (problem !== null) {
    const entered = problem.kind === 'storage_error' && process.cwd() === spec.outputDir;
    return {
      exit: problem,
      archived: null,
      seedRedirects: [],
      storageErrnos: [],
      folder: entered ? folder : null,
    };
  }
  try {
    makeFolder(spec.scratchDir);
  } catch (error) {
    const exit = {
      kind: 'storage_error',
      operation: 'make the scratch folder',
      errno: errnoOf(error),
    } as const;
    return { exit, archived: null, seedRedirects: [], storageErrnos: [], folder };
  }
  const tally = new CrawlTally(spec.seeds, spec.scopePattern);
  try {
    const run = await crawl(spec, spec.attempt.slice(0, cut), stop, tally);
    const errnos = new Set(run.storageErrnos);
    if (stop.reason() === 'archive_unwritable') addIfAny(errnos, errnoOfWriting(folder));
    const archived = secure(spec, tally, errnos);
    const seedRedirects = archived === null ? [] : tally.seedRedirects();
    return { exit: run.exit, archived, seedRedirects, storageErrnos: [...errnos], folder };
  } finally {
    removeScratch(spec.scratchDir);
  }
}

/** What is left of it does no harm; the record of the crawl must not be lost over it. */
function removeScratch(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    errnoOf(error);
  }
}

function prepareFolders(spec: LaunchSpec, folder: string): StorageProblem | null {
  let operation = 'make warcs/ and attempts/';
  try {
    for (const path of ['warcs', folder, ...(spec.container === null ? [] : [spec.container.workDir])]) {
      makeFolder(path);
      const elsewhere = problemOfFolder(path);
      if (elsewhere !== null) return elsewhere;
    }
    operation = 'write and sync a small file';
    const errno = errnoOfWriting(folder);
    if (errno !== null) return { kind: 'storage_error', operation, errno };
    operation = 'look for files of this attempt';
    if (filesOfAttempt(spec.attempt).length > 0) return { kind: 'storage_error', operation, errno: 'EEXIST' };
    return null;
  } catch (error) {
    return { kind: 'storage_error', operation, errno: errnoOf(error) };
  }
}

interface Crawled {
  readonly exit: CrawlerExit;
  readonly storageErrnos: readonly string[];
}

async function crawl(
  spec: LaunchSpec,
  jobId: string,
  stop: StopRequest,
  tally: CrawlTally,
): Promise<Crawled> {
  let worst: CrawlerRun['exit'] = { kind: 'exited', code: 0 };
  const errnos = new Set<string>();
  const ended = (exit: CrawlerExit): Crawled => ({ exit, storageErrnos: [...errnos] });
  const temporaryFd =
    spec.container === null ? openSync(spec.scratchDir, constants.O_RDONLY | constants.O_DIRECTORY) : null;
  let dedupFile: DedupFile | null = null;
  for (const pass of spec.passes) {
    if (pass.skipIfArchived !== null && tally.hasAnswered(pass.skipIfArchived)) continue;
    if (spec.dedupCdxFile !== null) {
      try {
        dedupFile ??= new DedupFile(spec.dedupCdxFile);
        // Before each pass: it then holds what the passes before have archived, too.
        await dedupFile.add(
          cdxFilesOf(jobId),
          () => stop.reason() !== null,
          (entry) => {
            tally.addEarlier(entry);
          },
        );
      } catch (error) {
        return ended({ kind: 'storage_error', operation: 'read the earlier archive', errno: errnoOf(error) });
      }
    }
    if (stop.reason() !== null) return ended({ kind: 'signaled', signal: 'SIGTERM' });
    const { container } = spec;
    const run = await runCrawler(pass.argv, temporaryFd, stop, spec.stopGraceMs, {
      answer: (url) => {
        tally.addAnswer(url);
      },
      kill: () => {
        if (container !== null) void removeContainer(container.engine, container.name);
      },
    });
    for (const errno of run.storageErrnos) errnos.add(errno);
    if (container !== null && stop.reason() !== null) {
      await removeContainer(container.engine, container.name);
    }
    if (run.exit.kind !== 'exited' || !MAY_GO_ON.has(run.exit.code)) return ended(run.exit);
    worst = worseOf(worst, run.exit);
  }
  return ended(stop.reason() === null ? worst : { kind: 'signaled', signal: 'SIGTERM' });
}

/** Of wget's statuses the lower one is the graver, apart from 0. */
function worseOf(
  one: CrawlerRun['exit'],
  other: Extract<CrawlerRun['exit'], { kind: 'exited' }>,
): CrawlerRun['exit'] {
  if (one.kind !== 'exited' || other.code === 0) return one;
  return one.code === 0 || other.code < one.code ? other : one;
}

function secure(spec: LaunchSpec, tally: CrawlTally, errnos: Set<string>): ArchivedFiles | null {
  try {
    if (spec.container !== null) adoptContainerFiles(spec.attempt, spec.container.workDir);
    const files = filesOfAttempt(spec.attempt);
    syncFiles(files);
    const warcs = warcFilesOf(spec.attempt);
    const warcBytes = sizeOfFiles(warcs);
    count(
      tally,
      files.filter((name) => name.endsWith('.cdx')),
    );
    return { warcFiles: warcs.length, warcBytes, ...tally.counts() };
  } catch (error) {
    errnos.add(errnoOf(error));
    return null;
  }
}

/** The files are safe by now: if counting fails, what was counted until then stands. Only storage errors are thrown on. */
function count(tally: CrawlTally, cdxFiles: readonly string[]): void {
  try {
    tally.readOwn(cdxFiles);
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw error;
    writeToLog(`launcher: the counts are too low, as counting failed: ${String(error)}\n`);
  }
}

function addIfAny(errnos: Set<string>, errno: string | null): void {
  if (errno !== null) errnos.add(errno);
}
