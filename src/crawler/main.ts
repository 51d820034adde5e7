/**
 * The crawler: a program that makes one attempt at a job.
 *
 *   argv   path of the spec (JSON of CrawlSpec) · working directory: the job's output directory, which the launcher has opened
 *   fd 1   its log: a line for each answer · TERM: ends after the present answer, and the next attempt goes on
 *
 * It ends with 0 when no address is left, with 3 when it was stopped, 4 when the source can't be reached, and 74 (sysexits.h, input/output
 * error) when it could not go on; its report says more.
 */
import { readFileSync, writeSync } from 'node:fs';
import type { CrawlEnd, CrawlReport, CrawlSpec } from '../core/crawler/crawl-spec.ts';
import { writeFileAtomically } from '../effects/atomic-file.ts';
import { Archive } from './archive.ts';
import { Crawl } from './crawl.ts';
import { codeOf } from './connection.ts';
import { Exchanger } from './exchange.ts';
import { openFrontier } from './open-frontier.ts';
import { retryPausesMs } from '../core/crawler/retry-after.ts';

const exitOf: Readonly<Record<CrawlEnd['kind'], number>> = {
  complete: 0,
  stopped: 3,
  source_unreachable: 4,
  error: 74,
};
const connectMs = 30_000;
/** A slow public server is waited for. */
const silenceMs = 60_000;
const fileBytes = 1024 ** 3;
const agent = 'HealthArchive';
const mostNamed = 100;
const reportMs = 1000;

const [, , specFile] = process.argv;
if (specFile === undefined) throw new Error('usage: crawler SPEC_FILE');
// The worker wrote it.
const spec = JSON.parse(readFileSync(specFile, 'utf8')) as CrawlSpec;
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    stop.abort();
  });
process.exitCode = exitOf[(await crawl(spec)).kind];

async function crawl(spec: CrawlSpec): Promise<CrawlEnd> {
  const { frontier, how } = openFrontier(spec.frontierFile);
  if (how === 'set_aside')
    say('what was known of this job’s addresses can’t be read: it is set aside, and the crawl begins anew');
  const archive = new Archive({
    folder: 'warcs',
    attempt: spec.attempt,
    fileBytes,
    info: { software: 'HealthArchive', operator: 'HealthArchive', isPartOf: spec.attempt, robots: 'obey' },
  });
  const before = frontier.counts.archived;
  let lastProgressMs = Date.now();
  let currentUrl: string | null = null;
  const report = (end: CrawlEnd | null): void => {
    const text: CrawlReport = {
      attempt: spec.attempt,
      end,
      frontier: how,
      counts: frontier.counts,
      answered: frontier.counts.archived - before,
      bytes: archive.bytes,
      currentUrl,
      lastProgressMs,
      failed: end === null ? [] : frontier.list('failed', mostNamed),
    };
    writeFileAtomically(spec.reportFile, `${JSON.stringify(text)}\n`);
  };
  const timer = setInterval(report, reportMs, null);
  let end: CrawlEnd;
  try {
    const exchanger = new Exchanger(spec.scratchDir, {
      connectMs,
      silenceMs,
      answerMs: spec.answerSeconds * 1000,
      answerBytes: spec.answerBytes,
    });
    const settings = {
      seeds: spec.seeds,
      scope: {
        pattern: new RegExp(spec.scopePattern),
        hosts: new Set(spec.seeds.map((seed) => new URL(seed).host)),
        requisitesFromOtherHosts: spec.requisitesFromOtherHosts,
      },
      waitSeconds: spec.waitSeconds,
      userAgent: spec.userAgent,
      agent,
      outagePatienceMs: spec.outagePatienceMs,
      retryPausesMs,
    };
    const onFinished = (url: string): void => {
      currentUrl = url;
      lastProgressMs = Date.now();
    };
    end = await new Crawl(settings, { frontier, archive, exchanger, say, onFinished }).run(stop.signal);
  } catch (error) {
    const errno = codeOf(error);
    end = {
      kind: 'error',
      errno: /^E[A-Z]+$/.test(errno) ? errno : null,
      because: error instanceof Error ? error.message : String(error),
    };
    say(`it can’t go on: ${end.because}`);
  } finally {
    clearInterval(timer);
  }
  report(end);
  archive.close();
  frontier.close();
  return end;
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
