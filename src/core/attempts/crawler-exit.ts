/** The part of the classification that is about the crawler alone: nobody stopped it, and storage showed no fault. */
import type { ArchivedFiles, CrawlerKind, ExitRecord, Judgement } from './attempt-end.ts';
import { judgeCrawl } from './judge-crawl.ts';

/** Debian's package of a program that was not found. */
const PACKAGES: Readonly<Record<string, string>> = { podman: 'podman', docker: 'docker.io' };

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
        return { outcome: 'infra_error', because: 'What was archived could not be synced.' };
      return crawler === 'http'
        ? judgeCrawl(exit.code, record.crawl, record.archived)
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

function crawlFailure(because: string): Judgement {
  return { outcome: 'crawl_failure', because };
}

function configError(because: string): Judgement {
  return { outcome: 'config_error', because };
}
