/**
 * The crawler: makes one attempt at a job.
 *
 *   started by   the launcher, as the worker's user
 *   argv         path of the spec (JSON of CrawlSpec)
 *   fd 1         its log: a line for each answer
 *   TERM         ends after the present answer, and the next attempt goes on
 *   touches      the job's output directory, which the launcher has opened and which is its working directory; frontier, report and
 *                scratch on local disk; the servers of the source
 *   outlives     nobody: the launcher ends it, and is outlived only when the kernel holds it on dead storage. Then the attempt's lock, which
 *                it inherited, says so
 *
 * Its exit status says how it ended (crawlExitStatus), and its report says more.
 */
import { readFileSync, statSync, writeSync } from 'node:fs';
import { type CrawlEnd, crawlExitStatus, type CrawlReport } from '../../core/crawler/crawl-report.ts';
import type { CrawlSpec } from '../../core/crawler/crawl-spec.ts';
import { crawlUrl } from '../../core/crawler/crawl-url.ts';
import { writeFileAtomically } from '../../effects/small-file.ts';
import { Archive } from './warc-archive.ts';
import { codeOf } from './connection.ts';
import { Crawl } from './crawl.ts';
import { Exchanger } from './exchange.ts';
import {
  errnoOfFrontier,
  isUnreadable,
  type OpenedFrontier,
  openFrontier,
  setAside,
} from './open-frontier.ts';
import { summaryOf } from './summary.ts';

const connectMs = 30_000;
/** A slow public server is waited for. */
const silenceMs = 60_000;
const fileBytes = 1024 ** 3;
const archiveFolder = 'warcs';
const reportMs = 1000;
/** Our name in robots.txt, whatever the configuration adds to the `User-Agent` of requests. */
const agent = 'HealthArchive';

const [, , specFile] = process.argv;
if (specFile === undefined) throw new Error('usage: crawler SPEC_FILE');
// The worker wrote it.
const spec = JSON.parse(readFileSync(specFile, 'utf8')) as CrawlSpec;
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    stop.abort();
  });
let end: CrawlEnd;
try {
  end = await attempt(spec);
} catch (error) {
  end = failure(error);
}
process.exitCode = crawlExitStatus[end.kind];

/** @throws what the frontier or the report answers: then there is no place to say more */
async function attempt(spec: CrawlSpec): Promise<CrawlEnd> {
  const opened = openFrontier(spec, archiveFolder);
  const { frontier } = opened;
  if (opened.how === 'set_aside' || opened.how === 'lost')
    say(
      `what was known of this job’s addresses ${opened.how === 'lost' ? 'is gone' : 'can’t be read'}: all of it is asked for again`,
    );
  try {
    return await crawl(spec, opened);
  } finally {
    frontier.close();
  }
}

async function crawl(spec: CrawlSpec, { frontier, how }: OpenedFrontier): Promise<CrawlEnd> {
  const seeds = spec.seeds.flatMap((seed) => crawlUrl(seed) ?? []);
  const scope = {
    pattern: new RegExp(spec.scopePattern),
    hosts: new Set(seeds.map((seed) => new URL(seed).host)),
    requisitesFromOtherHosts: spec.requisitesFromOtherHosts,
  };
  const archive = new Archive({
    folder: archiveFolder,
    attempt: spec.attempt,
    fileBytes,
    info: { software: 'HealthArchive', operator: 'HealthArchive', isPartOf: spec.attempt, robots: 'obey' },
  });
  const exchanger = new Exchanger(spec.scratchDir, {
    connectMs,
    silenceMs,
    answerMs: spec.answerSeconds * 1000,
    answerBytes: spec.answerBytes,
  });
  const settings = {
    seeds,
    scope,
    waitSeconds: spec.waitSeconds,
    userAgent: spec.userAgent,
    agent,
    outagePatienceMs: spec.outagePatienceMs,
    retryPausesMs: spec.retryPausesMs,
  };
  const crawl = new Crawl(settings, { frontier, archive, exchanger, say });
  let lostFiles: readonly string[] = [];
  let waited = 0;
  let bytesBefore = 0;
  const report = (end: CrawlEnd | null): void => {
    if (crawl.isWaiting) waited += 1;
    const { finished, ...tally } = crawl.tally;
    const text: CrawlReport = {
      attempt: spec.attempt,
      lifeSigns: finished + exchanger.received + waited,
      bytes: archive.bytes,
      end,
      frontier: how,
      lostFiles,
      counts: frontier.counts,
      total: { pages: frontier.pages, bytes: bytesBefore + archive.bytes },
      ...tally,
      currentUrl: crawl.currentUrl,
      summary: end?.kind === 'complete' ? summaryOf(frontier, seeds, scope) : null,
    };
    writeFileAtomically(spec.reportFile, `${JSON.stringify(text)}\n`);
  };
  const timer = setInterval(() => {
    try {
      report(null);
    } catch {
      // It is for people, and can't be written now: the frontier, on the same disk, will say whether the crawl can go on.
    }
  }, reportMs);
  let end: CrawlEnd;
  try {
    lostFiles = frontier.checkFiles(lengthOfFile);
    if (lostFiles.length > 0)
      say(`gone or cut since it was archived: ${lostFiles.join(', ')}; what was in it is asked for again`);
    bytesBefore = frontier.bytes;
    end = await crawl.run(stop.signal);
    archive.close(spec.scratchDir);
  } catch (error) {
    end = failure(error);
    // What it holds is wrong, and would be wrong again.
    if (isUnreadable(error)) setAside(spec.frontierFile);
  } finally {
    clearInterval(timer);
  }
  report(end);
  return end;
}

function failure(error: unknown): CrawlEnd {
  const code = codeOf(error);
  const errno = errnoOfFrontier(error) ?? (/^E[A-Z0-9]+$/.test(code) ? code : null);
  const because = error instanceof Error ? error.message : String(error);
  say(`it can’t go on: ${because}`);
  return { kind: 'error', errno, because };
}

function lengthOfFile(name: string): number | null {
  return statSync(`${archiveFolder}/${name}`, { throwIfNoEntry: false })?.size ?? null;
}

/** A full local disk makes a gap in the log. */
function say(line: string): void {
  try {
    writeSync(1, `${line}\n`);
  } catch {
    // nothing
  }
}
