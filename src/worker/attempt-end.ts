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
  const pages = record?.crawl?.pages ?? progress?.pages ?? 0;
  const bytes = record?.archived?.warcBytes ?? progress?.bytes ?? 0;
  return {
    event: eventOf(judgement, options.isWorkerLost),
    outcome: judgement.outcome,
    because: judgement.because,
    exit: record === null ? null : JSON.stringify(record.exit),
    pages,
    errorPages: record?.crawl?.errorPages ?? 0,
    bytes,
    progress:
      progress === null ? null : { ...progress, pages, bytes, urls: record?.crawl?.counts ?? progress.urls },
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
