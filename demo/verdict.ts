/** What a crawl left, held against what its site has: the rows of the closing table, and everything that is wrong. */
import { join } from 'node:path';
import type { Attempt, Job } from './product.ts';
import { readBack, type ReadBack } from './read-back.ts';
import { formatBytes, formatCount, formatSeconds, formatTable } from './text.ts';

/** What a complete crawl of a site archives, and what it leaves alone. */
export interface Content {
  readonly expected: readonly string[];
  readonly forbidden: readonly string[];
}

export interface Verdict {
  readonly source: string;
  readonly expectedPages: number;
  readonly archivedPages: number;
  readonly errorPages: number;
  readonly seconds: number;
  readonly archive: ReadBack;
  /** One sentence each; none when all is well. */
  readonly faults: readonly string[];
}

/** @param folder of its WARC files, where this process can read them */
export async function judgeCrawl(
  job: Job,
  attempts: readonly Attempt[],
  content: Content,
  folder = join(job.output_dir, 'warcs'),
): Promise<Verdict> {
  // The file of an attempt whose storage died ends in the middle of a record.
  const cutShort = attempts
    .filter(({ outcome }) => outcome !== 'success')
    .map(({ number }) => `${job.id}-${String(number).padStart(3, '0')}-`);
  const archive = await readBack(folder, (name) => cutShort.some((prefix) => name.startsWith(prefix)));
  const statuses = [...archive.responses].filter(([url]) => !url.endsWith('/robots.txt'));
  const pages = statuses.filter(([, status]) => status >= 200 && status < 300).length;
  const counted = job.progress?.pages ?? 0;
  const missing = content.expected.filter((url) => archive.responses.get(url) !== 200);
  const forbidden = content.forbidden.filter((url) => archive.responses.has(url));
  return {
    source: job.source,
    expectedPages: content.expected.length,
    archivedPages: content.expected.length - missing.length,
    errorPages: statuses.filter(([, status]) => status >= 400).length,
    seconds: secondsOf(job),
    archive,
    faults: [
      ...(job.status === 'completed'
        ? []
        : [`the job is ${job.status}: ${job.last_error ?? 'no reason given'}`]),
      ...missing.map((url) => `not archived: ${url}`),
      ...forbidden.map((url) => `archived although robots.txt forbids it: ${url}`),
      ...(counted === pages ? [] : [`the job counts ${counted} pages, its WARC files hold ${pages}`]),
      ...archive.faults,
    ],
  };
}

/** From the first attempt's start to the last one's end; of a job that runs, until now. */
export function secondsOf(job: Job): number {
  if (job.started_at === null) return 0;
  const endMs = job.finished_at === null ? Date.now() : Date.parse(job.finished_at);
  return Math.max(0, endMs - Date.parse(job.started_at)) / 1000;
}

export function verdictTable(verdicts: readonly Verdict[]): string[] {
  const head = ['', 'PAGES', 'ERRORS', 'FILES', 'RECORDS', 'DIGESTS', 'BYTES', 'TIME'];
  const rows = verdicts.map(({ source, archivedPages, expectedPages, errorPages, archive, seconds }) => [
    source,
    `${archivedPages} of ${expectedPages}`,
    String(errorPages),
    String(archive.files),
    formatCount(archive.records),
    formatCount(archive.digests),
    formatBytes(archive.bytes),
    formatSeconds(seconds),
  ]);
  return formatTable(head, rows);
}
