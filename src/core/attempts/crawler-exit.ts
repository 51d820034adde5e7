/** The part of the classification that is about the crawler alone: nobody stopped it, and storage showed no fault. */
import type { ArchivedFiles, ExitRecord } from './exit-record.ts';
import type { CrawlerKind, Judgement } from './judgement.ts';

/** Debian's package of a program that was not found. */
const PACKAGES: Readonly<Record<string, string>> = { wget: 'wget', podman: 'podman', docker: 'docker.io' };

/** From the manual of wget, EXIT STATUS. Of several it is the lowest that wget ends with. */
const WGET_STATUS: Readonly<Record<number, string>> = {
  1: 'a general error',
  2: 'wget did not accept its arguments',
  3: 'a file error outside of the archive',
  4: 'a network failure',
  5: 'a TLS certificate that could not be verified',
  6: 'a page that asks for a user name and password',
  7: 'a protocol error',
  8: 'error answers of the server',
};

/** Everything was asked for and answered. A page that wants a password (6) is an error answer like any other (8). */
const ANSWERED: ReadonlySet<number> = new Set([0, 6, 8]);

/** Errnos of a start that fails because the machine is short of something: no fault of the job. */
const SHORTAGES: ReadonlySet<string> = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ENOSPC', 'ETXTBSY']);
const STORAGE_OF_PROGRAM: ReadonlySet<string> = new Set(['EIO', 'ENOTCONN', 'ESTALE', 'ENODEV']);

export function judgeCrawlerExit(record: ExitRecord, crawler: CrawlerKind): Judgement {
  const { exit } = record;
  switch (exit.kind) {
    case 'not_started':
      return judgeNotStarted(exit.program, exit.errno);
    case 'signaled':
      return crawlFailure(`The crawler was ended by ${exit.signal}, and not by its worker.`);
    case 'storage_error':
    case 'wrong_storage':
      return crawlFailure(
        'Files of an attempt with this number exist already and are never overwritten; the next attempt has the next number.',
      );
    case 'exited':
      if (record.archived === null)
        return { outcome: 'infra_error', because: 'What was archived could not be read back.' };
      return crawler === 'wget'
        ? judgeWget(exit.code, record.archived, record)
        : judgeContainer(exit.code, record.archived);
  }
}

function judgeNotStarted(program: string, errno: string): Judgement {
  if (SHORTAGES.has(errno) || STORAGE_OF_PROGRAM.has(errno)) {
    return {
      outcome: 'infra_error',
      because: `${program} could not be started now (${errno}): the machine is short of something or its disk fails.`,
    };
  }
  const install = PACKAGES[program];
  const fix =
    errno === 'ENOENT' && install !== undefined
      ? `install it: apt-get install ${install}`
      : 'check the [crawler] section of the configuration and the PATH of the worker';
  const problem = errno === 'ENOENT' ? 'is not installed' : `can not be started (${errno})`;
  return configError(`${program} ${problem}; ${fix}, then run: healtharchive jobs retry ID`);
}

function judgeWget(code: number, archived: ArchivedFiles, record: ExitRecord): Judgement {
  if (code === 2) return configError(`wget ended with 2: ${WGET_STATUS[2] ?? ''}; its log says which one.`);
  if (!ANSWERED.has(code)) {
    const meaning = WGET_STATUS[code] ?? 'an unknown status';
    return crawlFailure(`wget ended with ${code} (${meaning}); archived: ${counted(archived)}.`);
  }
  if (archived.pagesInScope > 0 && archived.warcFiles > 0) {
    return { outcome: 'success', because: `Archived: ${counted(archived)}.` };
  }
  return crawlFailure(`Nothing in the scope of the seeds was archived: ${nothingBecause(archived, record)}`);
}

function nothingBecause(archived: ArchivedFiles, record: ExitRecord): string {
  const [away] = record.seedRedirects;
  if (away !== undefined) {
    return `the seed ${away.seed} redirects out of its scope to ${away.location}; add that address as a seed of the source.`;
  }
  if (archived.errorPages > 0) return `the seeds answered with errors (${counted(archived)}).`;
  if (archived.warcFiles === 0) return 'the crawler left no WARC file.';
  return 'the seeds gave no page; look for redirects and robots.txt rules in the log.';
}

function judgeContainer(code: number, archived: ArchivedFiles): Judgement {
  if (code === 125) {
    return configError(
      'The container engine did not start the container (status 125): the image is missing or an option is wrong; fetch the image (podman pull IMAGE), the log names the cause.',
    );
  }
  if (code === 126 || code === 127) {
    return configError(
      `The image has no such program (status ${code}); correct preset or image in [crawler] of the configuration.`,
    );
  }
  if (code !== 0) {
    return crawlFailure(`The container ended with ${code}; WARC files: ${archived.warcFiles}.`);
  }
  if (archived.warcFiles > 0 && archived.warcBytes > 0) {
    return { outcome: 'success', because: `Archived: ${archived.warcFiles} WARC files.` };
  }
  return crawlFailure('The container ended with 0 but left no *.warc.gz in its output folder.');
}

function counted(archived: ArchivedFiles): string {
  const errors = archived.errorPages > 0 ? `, ${archived.errorPages} with an error status` : '';
  const revisits = archived.revisits > 0 ? ` (${archived.revisits} unchanged)` : '';
  return `${archived.pages} URLs${revisits}${errors}`;
}

function crawlFailure(because: string): Judgement {
  return { outcome: 'crawl_failure', because };
}

function configError(because: string): Judgement {
  return { outcome: 'config_error', because };
}
