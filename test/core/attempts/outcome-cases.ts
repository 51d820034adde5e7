/** The table of docs/attempt-outcomes.md, as cases. A test holds the document and the function to it. */
import type { AttemptEnd } from '../../../src/core/attempts/classify.ts';
import type { AttemptOutcome } from '../../../src/core/attempts/judgement.ts';
import type { ArchivedFiles, CrawlerExit, ExitRecord } from '../../../src/core/attempts/exit-record.ts';

export interface OutcomeCase {
  /** Section of the table. */
  readonly about: 'Any crawler' | 'wget' | 'Container';
  readonly seen: string;
  readonly outcome: AttemptOutcome;
  readonly end: AttemptEnd;
}

export const archivedPages: ArchivedFiles = {
  warcFiles: 2,
  warcBytes: 5000,
  pages: 40,
  errorPages: 1,
  pagesInScope: 30,
  revisits: 0,
};
const nothing: ArchivedFiles = { ...archivedPages, pages: 0, pagesInScope: 0, errorPages: 0 };

export function record(changes: Partial<ExitRecord> = {}): ExitRecord {
  return {
    attempt: '1-001',
    token: 'token',
    startedAtMs: 0,
    finishedAtMs: 1000,
    exit: { kind: 'exited', code: 0 },
    workerLost: false,
    archiveUnwritable: false,
    archived: archivedPages,
    seedRedirects: [],
    storageErrnos: [],
    ...changes,
  };
}

function exited(code: number, archived: ArchivedFiles = archivedPages): ExitRecord {
  return record({ exit: { kind: 'exited', code }, archived });
}

function before(exit: CrawlerExit): ExitRecord {
  return record({ exit, archived: null });
}

function entry(
  about: OutcomeCase['about'],
  seen: string,
  outcome: AttemptOutcome,
  exitRecord: ExitRecord | null,
  changes: Partial<AttemptEnd> = {},
): OutcomeCase {
  const crawler = about === 'Container' ? 'container' : 'wget';
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
  entry('Any crawler', 'a storage errno in the log or when the files are synced', 'infra_error', {
    ...exited(0),
    storageErrnos: ['EIO'],
  }),
  entry('Any crawler', 'the crawler says that it can no longer write its archive', 'infra_error', {
    ...stopped,
    archiveUnwritable: true,
  }),
  entry('Any crawler', 'what was archived can not be read back', 'infra_error', record({ archived: null })),
  entry(
    'Any crawler',
    'it ends badly, and the output directory is not healthy afterwards',
    'infra_error',
    exited(4),
    { storageAfter: 'hung' },
  ),
  entry(
    'Any crawler',
    'it ends well with everything synced and counted; storage fails later',
    'success',
    exited(0),
    { storageAfter: 'dead' },
  ),
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
    before({ kind: 'not_started', program: 'wget', errno: 'ENOENT' }),
  ),
  entry(
    'Any crawler',
    'the program can not be started for want of memory or processes',
    'infra_error',
    before({ kind: 'not_started', program: 'wget', errno: 'EAGAIN' }),
  ),
  entry(
    'Any crawler',
    'files of an attempt with the same number exist already',
    'crawl_failure',
    before({ kind: 'storage_error', operation: 'look for files of this attempt', errno: 'EEXIST' }),
  ),
  entry('wget', 'exit 0 with pages of the scope archived', 'success', exited(0)),
  entry('wget', 'exit 8 (error answers) with pages of the scope archived', 'success', exited(8)),
  entry('wget', 'exit 6 (a page wants a password) with pages of the scope archived', 'success', exited(6)),
  entry('wget', 'exit 0, 6 or 8 with no page of the scope archived', 'crawl_failure', exited(8, nothing)),
  entry('wget', 'the seed redirects out of its own scope', 'crawl_failure', {
    ...exited(0, { ...nothing, pages: 1 }),
    seedRedirects: [{ seed: 'http://a.example/', location: 'https://www.b.example/' }],
  }),
  entry('wget', 'exit 1 (general error) without a sign of bad storage', 'crawl_failure', exited(1)),
  entry('wget', 'exit 2 (arguments)', 'config_error', exited(2)),
  entry('wget', 'exit 3 (file error) without a sign of bad storage', 'crawl_failure', exited(3)),
  entry('wget', 'exit 4 (network failure)', 'crawl_failure', exited(4)),
  entry('wget', 'exit 5 (TLS certificate)', 'crawl_failure', exited(5)),
  entry('wget', 'exit 7 (protocol error)', 'crawl_failure', exited(7)),
  entry(
    'Container',
    'exit 0 with WARC files in its output folder',
    'success',
    exited(0, { ...nothing, warcFiles: 1 }),
  ),
  entry(
    'Container',
    'exit 0 without WARC files',
    'crawl_failure',
    exited(0, { ...nothing, warcFiles: 0, warcBytes: 0 }),
  ),
  entry('Container', 'exit 125 (image missing, wrong option)', 'config_error', exited(125, nothing)),
  entry('Container', 'exit 126 or 127 (no such program in the image)', 'config_error', exited(127, nothing)),
  entry('Container', 'any other exit', 'crawl_failure', exited(9)),
];
