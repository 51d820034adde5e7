import type { Judgement } from '../core/attempts/judgement.ts';
import type { ExitRecord } from '../core/attempts/exit-record.ts';
import type { Progress } from '../core/jobs/job.ts';
import type { JobEvent } from '../core/jobs/transitions.ts';
import type { AttemptEnd } from '../store/job-store.ts';

/** What the store is told when an attempt has ended. */
export function attemptEnd(
  judgement: Judgement,
  record: ExitRecord | null,
  progress: Progress | null,
  options: { readonly isWorkerLost: boolean },
): AttemptEnd {
  const crawl = record?.crawl ?? null;
  const bytes = record?.archived?.warcBytes ?? crawl?.bytes ?? progress?.bytes ?? 0;
  return {
    event: eventOf(judgement, options.isWorkerLost),
    outcome: judgement.outcome,
    because: judgement.because,
    exit: record === null ? null : JSON.stringify(record.exit),
    pages: crawl?.pages ?? 0,
    errorPages: crawl?.errorPages ?? 0,
    bytes,
    progress:
      progress === null
        ? null
        : { ...progress, ...(crawl === null ? { bytes } : { ...crawl.total, urls: crawl.counts }) },
  };
}

function eventOf({ outcome, because }: Judgement, isWorkerLost: boolean): JobEvent {
  switch (outcome) {
    case 'success':
    case 'crawl_failure':
    case 'infra_error':
    case 'config_error':
    case 'source_unreachable':
    case 'cancelled':
      return { kind: outcome, because };
    case 'interrupted':
      return { kind: isWorkerLost ? 'lost' : 'interrupted', because };
  }
}
