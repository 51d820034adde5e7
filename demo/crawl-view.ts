/** What a line of the live display shows of a crawl. */
import type { Job } from './product.ts';
import type { CrawlView } from './progress.ts';
import type { BodySite } from './sites.ts';
import { marks } from './text.ts';
import { secondsOf } from './verdict.ts';

export function viewOf(
  { code, expected }: Pick<BodySite, 'code' | 'expected'>,
  jobs: readonly Job[],
): CrawlView {
  const job = jobs.find(({ source }) => source === code);
  return {
    label: code,
    state: stateOf(job),
    pages: job?.progress?.pages ?? 0,
    expectedPages: expected.length,
    bytes: job?.progress?.bytes ?? 0,
    seconds: job === undefined ? 0 : secondsOf(job),
    note: job === undefined ? '' : noteOf(job),
  };
}

function stateOf(job: Job | undefined): CrawlView['state'] {
  switch (job?.status) {
    case 'running':
      return 'running';
    case 'completed':
      return 'done';
    case 'failed':
    case 'cancelled':
      return 'failed';
    case 'queued':
    case 'retryable':
    case undefined:
      return 'waiting';
  }
}

function noteOf(job: Job): string {
  if (job.status === 'completed') return `${marks.done} completed`;
  if (job.status === 'running')
    return job.progress?.current_url?.replace(/^https?:\/\/[^/]+/, '') ?? 'starting';
  return job.parked?.reason ?? job.last_error ?? 'waiting for the worker';
}
