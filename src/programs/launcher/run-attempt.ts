/**
 * One attempt from its spec to its exit record:
 *
 *   enter      check the output directory's mount and go into it; make its folders; write a test file
 *   prepare    refuse to touch files of an earlier attempt
 *   crawl      run the crawler, until it ends or stopping is requested
 *   secure     name, sync and count the archive files
 *
 * Every step that storage can fail ends in the record instead of an exception.
 */
import { readFileSync, rmSync } from 'node:fs';
import type { ArchivedFiles, CrawlerExit, ExitRecord } from '../../core/attempts/attempt-end.ts';
import type { LaunchSpec } from '../../core/attempts/launch-spec.ts';
import type { CrawlReport } from '../../core/crawler/crawl-report.ts';
import { writeFileAtomically } from '../../effects/small-file.ts';
import { adoptContainerFiles, filesOfAttempt, sizeOfFiles, syncFiles, warcFilesOf } from './attempt-files.ts';
import { removeContainer, watchContainer } from './container-watch.ts';
import { errnoOf } from './errno.ts';
import {
  enterOutputDirectory,
  errnoOfWriting,
  makeFolder,
  problemOfFolder,
  type StorageProblem,
} from './open-output.ts';
import { runCrawler } from './run-crawler.ts';
import type { StopRequest } from './stop-request.ts';

export interface AttemptResult extends Pick<ExitRecord, 'exit' | 'archived' | 'crawl' | 'storageErrnos'> {
  /** The attempt's folder, if the working directory is the output directory; null: it could not be entered. */
  readonly folder: string | null;
}

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
      crawl: null,
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
    return { exit, archived: null, crawl: null, storageErrnos: [], folder };
  }
  try {
    const { exit, crawl: report } = await crawl(spec, stop);
    const errnos = new Set<string>();
    // That files of this attempt exist already is no fault of storage.
    if (report?.end?.kind === 'error' && report.end.errno !== null && report.end.errno !== 'EEXIST')
      errnos.add(report.end.errno);
    const archived = secure(spec, errnos);
    return { exit, archived, crawl: report, storageErrnos: [...errnos], folder };
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
  readonly crawl: CrawlReport | null;
}

async function crawl(spec: LaunchSpec, stop: StopRequest): Promise<Crawled> {
  if (stop.reason() !== null) return { exit: { kind: 'signaled', signal: 'SIGTERM' }, crawl: null };
  const { container, crawl } = spec;
  try {
    if (crawl !== null) writeFileAtomically(crawl.file, JSON.stringify(crawl.spec));
  } catch (error) {
    const operation = 'write what the crawler is told';
    return { exit: { kind: 'storage_error', operation, errno: errnoOf(error) }, crawl: null };
  }
  const watch = container === null ? null : watchContainer(spec.attempt, container.workDir, spec.reportFile);
  const exit = await runCrawler(spec.argv, stop, spec.stopGraceMs, () => {
    if (container !== null) void removeContainer(container.engine, container.name);
  });
  watch?.end();
  if (container !== null && stop.reason() !== null) await removeContainer(container.engine, container.name);
  const report = crawl === null ? null : readReport(spec);
  // It had come to its end when it was asked to stop.
  const isComplete = report?.end?.kind === 'complete' && exit.kind !== 'not_started';
  return { exit: isComplete ? { kind: 'exited', code: 0 } : exit, crawl: report };
}

/** Null when there is none of this attempt: it was killed before its first one, or could not write it. */
function readReport(spec: LaunchSpec): CrawlReport | null {
  try {
    const report = JSON.parse(readFileSync(spec.reportFile, 'utf8')) as CrawlReport;
    return report.attempt === spec.attempt ? report : null;
  } catch {
    return null;
  }
}

function secure(spec: LaunchSpec, errnos: Set<string>): ArchivedFiles | null {
  try {
    if (spec.container !== null) adoptContainerFiles(spec.attempt, spec.container.workDir);
    syncFiles(filesOfAttempt(spec.attempt));
    const warcs = warcFilesOf(spec.attempt);
    return { warcFiles: warcs.length, warcBytes: sizeOfFiles(warcs) };
  } catch (error) {
    errnos.add(errnoOf(error));
    return null;
  }
}
