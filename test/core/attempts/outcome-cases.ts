/** The table of docs/attempt-outcomes.md, as cases. A test holds the document and the function to it. */
import type { AttemptEnd } from '../../../src/core/attempts/classify.ts';
import type {
  ArchivedFiles,
  AttemptOutcome,
  CrawlerExit,
  ExitRecord,
} from '../../../src/core/attempts/attempt-end.ts';
import {
  type CrawlEnd,
  crawlExitStatus,
  type CrawlReport,
  type CrawlSummary,
  type SeedEnd,
} from '../../../src/core/crawler/crawl-report.ts';

export interface OutcomeCase {
  /** Section of the table. */
  readonly about: 'Any crawler' | 'http' | 'Container';
  readonly seen: string;
  readonly outcome: AttemptOutcome;
  readonly end: AttemptEnd;
}

export const archivedFiles: ArchivedFiles = { warcFiles: 2, warcBytes: 5000 };
const nothing: ArchivedFiles = { warcFiles: 0, warcBytes: 0 };

const seed: SeedEnd = {
  seed: 'http://a.example/',
  url: 'http://a.example/',
  state: 'archived',
  status: 200,
  because: null,
};

export function summary(changes: Partial<CrawlSummary> = {}): CrawlSummary {
  return { pagesInScope: 30, seeds: [seed], failedInScope: 0, failed: [], cut: 0, nofollow: 0, ...changes };
}

export function report(changes: Partial<CrawlReport> = {}): CrawlReport {
  return {
    attempt: '1-001',
    lifeSigns: 5041,
    bytes: 5000,
    end: { kind: 'complete' },
    frontier: 'new',
    lostFiles: [],
    counts: { queued: 0, archived: 41, failed: 0, barred: 0 },
    total: { pages: 40, bytes: 5000 },
    pages: 40,
    errorPages: 1,
    revisits: 0,
    currentUrl: 'http://a.example/last',
    summary: summary(),
    ...changes,
  };
}

export function record(changes: Partial<ExitRecord> = {}): ExitRecord {
  return {
    attempt: '1-001',
    token: 'token',
    startedAtMs: 0,
    finishedAtMs: 1000,
    exit: { kind: 'exited', code: 0 },
    workerLost: false,
    archived: archivedFiles,
    crawl: report(),
    storageErrnos: [],
    ...changes,
  };
}

function exited(code: number, archived: ArchivedFiles = archivedFiles): ExitRecord {
  return record({ exit: { kind: 'exited', code }, archived });
}

/** Our own crawler, by its own word; without one by nothing but its status. */
function ended(
  end: CrawlEnd | null,
  changes: Partial<CrawlReport> = {},
  code = end === null ? 74 : crawlExitStatus[end.kind],
): ExitRecord {
  return record({ exit: { kind: 'exited', code }, crawl: report({ end, summary: null, ...changes }) });
}

/** It came to its end, and this is what of. */
function complete(changes: Partial<CrawlSummary>, more: Partial<CrawlReport> = {}): ExitRecord {
  return record({ crawl: report({ summary: summary(changes), ...more }) });
}

function before(exit: CrawlerExit): ExitRecord {
  return record({ exit, archived: null, crawl: null });
}

const away: SeedEnd = { ...seed, state: 'outside', url: 'https://www.b.example/', status: null };
const barred: SeedEnd = { ...seed, state: 'barred', status: null, because: 'robots.txt' };
const many = { queued: 0, archived: 2000, failed: 0, barred: 0 };

function entry(
  about: OutcomeCase['about'],
  seen: string,
  outcome: AttemptOutcome,
  exitRecord: ExitRecord | null,
  changes: Partial<AttemptEnd> = {},
): OutcomeCase {
  const crawler = about === 'Container' ? 'container' : 'http';
  return {
    about,
    seen,
    outcome,
    end: { record: exitRecord, reason: 'none', storageAfter: 'healthy', crawler, ...changes },
  };
}

const killed = record({ exit: { kind: 'signaled', signal: 'SIGKILL' } });
const stopped = record({ exit: { kind: 'signaled', signal: 'SIGTERM' } });

export const outcomeCases: readonly OutcomeCase[] = [
  entry('Any crawler', 'the job was cancelled', 'cancelled', stopped, { reason: 'cancel' }),
  entry('Any crawler', 'the lease was lost', 'interrupted', stopped, { reason: 'lease_lost' }),
  entry('Any crawler', 'ended by the worker because its storage died', 'infra_error', stopped, {
    reason: 'dead_storage',
    storageAfter: 'dead',
  }),
  entry(
    'Any crawler',
    'the output directory is on the wrong storage at the start',
    'infra_error',
    before({ kind: 'wrong_storage', detail: 'expected a local directory' }),
  ),
  entry(
    'Any crawler',
    'storage fails the launcher before the crawler starts',
    'infra_error',
    before({ kind: 'storage_error', operation: 'write and sync a small file', errno: 'EROFS' }),
  ),
  entry('Any crawler', 'a storage errno in its report or when the files are synced', 'infra_error', {
    ...exited(0),
    storageErrnos: ['EIO'],
  }),
  entry('Any crawler', 'what was archived can not be synced', 'infra_error', record({ archived: null })),
  entry(
    'Any crawler',
    'it ends badly, and the output directory is not healthy afterwards',
    'infra_error',
    exited(4),
    { storageAfter: 'hung' },
  ),
  entry('Any crawler', 'it ends well with everything synced; storage fails later', 'success', exited(0), {
    storageAfter: 'dead',
  }),
  entry('Any crawler', 'no exit record, and the output directory is not healthy', 'infra_error', null, {
    storageAfter: 'dead',
  }),
  entry(
    'Any crawler',
    'no exit record: worker and launcher are gone (crash, power cut)',
    'interrupted',
    null,
    { reason: 'worker_lost' },
  ),
  entry(
    'Any crawler',
    'no exit record although the worker was there (killed, out of memory, local disk full)',
    'infra_error',
    null,
  ),
  entry('Any crawler', 'it stood still, and its worker ended it', 'crawl_failure', stopped, {
    reason: 'stalled',
  }),
  entry('Any crawler', 'it stood still on storage that is not healthy', 'infra_error', stopped, {
    reason: 'stalled',
    storageAfter: 'hung',
  }),
  entry('Any crawler', 'stopped with the worker', 'interrupted', stopped, { reason: 'shutdown' }),
  entry('Any crawler', 'ended by its launcher because the worker was gone', 'interrupted', {
    ...stopped,
    workerLost: true,
  }),
  entry('Any crawler', 'it finished just as the worker was stopped', 'success', exited(0), {
    reason: 'shutdown',
  }),
  entry(
    'Any crawler',
    'killed by somebody else (out of memory, a crash of its own)',
    'crawl_failure',
    killed,
  ),
  entry(
    'Any crawler',
    'the program is not installed, or can not be executed',
    'config_error',
    before({ kind: 'not_started', program: 'podman', errno: 'ENOENT' }),
  ),
  entry(
    'Any crawler',
    'the program can not be started for want of memory or processes',
    'infra_error',
    before({ kind: 'not_started', program: 'podman', errno: 'EAGAIN' }),
  ),
  entry(
    'Any crawler',
    'files of an attempt with the same number exist already',
    'crawl_failure',
    before({ kind: 'storage_error', operation: 'look for files of this attempt', errno: 'EEXIST' }),
  ),
  entry('http', 'every address in scope is archived, or was answered otherwise', 'success', complete({})),
  entry(
    'http',
    'some failed for good, at most 10 and 1 %: they are named',
    'success',
    complete(
      { failedInScope: 10, failed: [{ url: 'http://a.example/x', because: 'reset' }] },
      { counts: many },
    ),
  ),
  entry(
    'http',
    'more than 10 failed for good',
    'crawl_failure',
    complete({ failedInScope: 11 }, { counts: many }),
  ),
  entry('http', 'more than 1 % failed for good', 'crawl_failure', complete({ failedInScope: 1 })),
  entry(
    'http',
    'what pages are made of failed on other hosts',
    'success',
    complete({ failed: [{ url: 'http://cdn.example/x.js', because: 'reset' }] }),
  ),
  entry('http', 'a seed redirects out of the scope', 'crawl_failure', complete({ seeds: [seed, away] })),
  entry(
    'http',
    'no page in scope: the seeds are barred, failed, or answer with errors',
    'crawl_failure',
    complete({ pagesInScope: 0, seeds: [barred] }),
  ),
  entry('http', 'a seed of several is barred by robots.txt', 'success', complete({ seeds: [seed, barred] })),
  entry('http', 'one page only: it is said', 'success', complete({ pagesInScope: 1 })),
  entry(
    'http',
    'the source could not be reached for `outage_patience_seconds`',
    'source_unreachable',
    ended({ kind: 'source_unreachable', because: 'it has not answered for 1800 s' }),
  ),
  entry(
    'http',
    'it can not go on: its frontier, or a bug',
    'crawl_failure',
    ended({ kind: 'error', errno: null, because: 'database disk image is malformed' }),
  ),
  entry('http', 'it can not go on, and can not say why (local disk full)', 'infra_error', ended(null)),
  entry('http', 'it ended without a word', 'crawl_failure', ended(null, {}, 1)),
  entry(
    'http',
    'a signal ended it that its worker did not send',
    'crawl_failure',
    ended({ kind: 'stopped' }),
  ),
  entry('Container', 'exit 0 with WARC files in its output folder', 'success', exited(0, archivedFiles)),
  entry('Container', 'exit 0 without WARC files', 'crawl_failure', exited(0, nothing)),
  entry('Container', 'exit 125 (image missing, wrong option)', 'config_error', exited(125, nothing)),
  entry('Container', 'exit 126 or 127 (no such program in the image)', 'config_error', exited(127, nothing)),
  entry('Container', 'any other exit', 'crawl_failure', exited(9)),
];
