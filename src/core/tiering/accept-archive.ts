import type { Refusal, Step } from '../plan.ts';
import { type ArchiveRecord, nameJobs } from '../storage/archive.ts';

/** Forgets what jobs ran on first at a place that nothing of ours mounts: a person says that what is there now is right. */
export interface AcceptStep extends Step {
  readonly kind: 'accept';
  readonly path: string;
  readonly jobs: readonly number[];
}

/**
 * What `--accept-new-archive` means for paths that are not tiered, where there is nothing to mount.
 * @param accepted each with what jobs have archived there
 */
export function decideAccepting(
  accepted: readonly { readonly path: string; readonly archive: ArchiveRecord | 'unknown' | null }[],
): { readonly steps: readonly AcceptStep[]; readonly refusals: readonly Refusal[] } {
  const steps: AcceptStep[] = [];
  const refusals: Refusal[] = [];
  for (const { path, archive } of accepted) {
    const recorded = archive === 'unknown' ? [] : (archive?.recorded ?? []);
    if (archive === 'unknown') {
      const because = 'what jobs have archived there is not known: the database does not answer';
      refusals.push({ code: 'archive_unknown', because, path, holdsBack: true });
    } else if (recorded.length === 0) {
      const because = 'no job has archived there, so there is nothing to accept';
      refusals.push({ code: 'nothing_to_accept', because, path, holdsBack: true });
    } else {
      const because = `${nameJobs(recorded)} take${recorded.length === 1 ? 's' : ''} what is there now for the archive`;
      steps.push({ kind: 'accept', path, because, jobs: recorded });
    }
  }
  return { steps, refusals };
}
