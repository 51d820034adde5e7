/** What the end of our own crawler means: nobody stopped it, and storage showed no fault. */
import {
  crawlExitStatus,
  type CrawlReport,
  type CrawlSummary,
  type NamedUrl,
  type SeedEnd,
} from '../crawler/crawl-report.ts';
import type { ArchivedFiles, Judgement } from './attempt-end.ts';

/** So few may fail for good, and no larger share of all: a crawl of a public site is never without a broken link to itself. */
const mostFailed = 10;
const largestShareFailed = 0.01;
const mostNamed = 3;

/** @param code of the program: crawlExitStatus, if it ended by itself */
export function judgeCrawl(code: number, report: CrawlReport | null, archived: ArchivedFiles): Judgement {
  const end = report?.end ?? null;
  if (report === null || end === null) {
    return code === crawlExitStatus.error
      ? {
          outcome: 'infra_error',
          because: 'The crawler could not go on, nor say why: the local disk may be full.',
        }
      : failure(`The crawler ended with ${code} without a word; its log may say more.`);
  }
  switch (end.kind) {
    case 'complete':
      return judgeComplete(report, archived);
    case 'stopped':
      return failure('The crawler was ended by a signal, and not by its worker.');
    case 'source_unreachable':
      return {
        outcome: 'source_unreachable',
        because: `The source can’t be reached: ${end.because}. ${counted(report)}`,
      };
    case 'error':
      return failure(`The crawler could not go on: ${end.because}.`);
  }
}

function judgeComplete(report: CrawlReport, archived: ArchivedFiles): Judgement {
  const { summary, counts } = report;
  if (summary === null) return failure('The crawler did not say what it came to.');
  const moved = summary.seeds.filter(({ state }) => state === 'outside');
  if (moved.length > 0) return failure(`${movedAway(moved)} ${counted(report)}`);
  if (summary.pagesInScope === 0)
    return failure(`No page in the scope of the seeds was archived: ${nothingBecause(summary)}`);
  const { failedInScope: failed } = summary;
  const all = counts.archived + failed;
  if (failed > mostFailed || failed > all * largestShareFailed)
    return failure(
      `${failed} of ${all} addresses could not be had: ${named(summary.failed)}. ${counted(report)}`,
    );
  if (archived.warcFiles === 0 && report.pages > 0) return failure('The crawler left no WARC file.');
  return { outcome: 'success', because: [counted(report), ...remarks(report, summary)].join(' ') };
}

function movedAway(moved: readonly SeedEnd[]): string {
  const [first] = moved;
  const more = moved.length > 1 ? `, and ${moved.length - 1} more` : '';
  return `The seed ${first?.seed ?? ''} redirects out of its scope to ${first?.url ?? ''}${more}: give that address to the source (sources edit) or to a new job.`;
}

function nothingBecause({ seeds, nofollow }: CrawlSummary): string {
  const [seed] = seeds;
  if (seed === undefined) return 'there is no seed that can be asked for.';
  if (seeds.every(({ state }) => state === 'barred')) return `${seed.url} is barred (${seed.because ?? ''}).`;
  const failed = seeds.find(({ state }) => state === 'failed');
  if (failed !== undefined) return `${failed.url} could not be had (${failed.because ?? ''}).`;
  if (seed.status !== null && seed.status >= 400)
    return `the seeds answered with errors (${seed.url}: ${seed.status}).`;
  return nofollow > 0 ? 'the seeds ask not to be followed.' : 'the seeds gave no page.';
}

/** What a person should know of a crawl that is complete all the same. */
function remarks({ counts, frontier, lostFiles }: CrawlReport, summary: CrawlSummary): string[] {
  const { pagesInScope, failed, seeds, cut, nofollow } = summary;
  const barred = seeds.filter(({ state }) => state === 'barred');
  return [
    ...(pagesInScope === 1
      ? [
          `There was one page only${nofollow > 0 ? ', which asks not to be followed' : counts.barred > 0 ? '; the others are barred' : ''}.`,
        ]
      : []),
    ...(barred.length > 0 ? [`Seeds that are barred: ${named(barred)}.`] : []),
    ...(failed.length > 0 ? [`Failed for good: ${named(failed, failed.length)}.`] : []),
    ...(cut > 0 ? [`Cut, as too large or too slow: ${cut}.`] : []),
    ...(frontier === 'lost' || frontier === 'set_aside'
      ? ['What earlier attempts knew of the addresses was lost, so all was asked for again.']
      : []),
    ...(lostFiles.length > 0
      ? [`Files of earlier attempts were gone or cut (${lostFiles.join(', ')}): asked for again.`]
      : []),
  ];
}

/** All attempts together, and this one. */
function counted({ counts, pages, revisits, errorPages }: CrawlReport): string {
  const known = revisits > 0 ? `, ${revisits} of them unchanged` : '';
  const errors = errorPages > 0 ? `, ${errorPages} with an error status` : '';
  const left = counts.queued > 0 ? `, ${counts.queued} left` : '';
  return `Archived: ${counts.archived} URLs${left}; by this attempt ${pages}${known}${errors}.`;
}

function named(urls: readonly NamedUrl[], most = mostNamed): string {
  const shown = urls
    .slice(0, most)
    .map(({ url, because }) => (because === null ? url : `${url} (${because})`));
  return urls.length > shown.length ? `${shown.join(', ')} and more` : shown.join(', ');
}

function failure(because: string): Judgement {
  return { outcome: 'crawl_failure', because };
}
