import type { Job } from '../jobs/job.ts';
import type { Refusal, Step } from '../plan.ts';
import { isAtOrBelow } from '../storage/path-relation.ts';

/** Forgets what jobs ran on first at a place that nothing of ours mounts: a person says that what is there now is right. */
export interface AcceptStep extends Step {
  readonly kind: 'accept';
  readonly path: string;
  readonly jobs: readonly number[];
}

/**
 * What `--accept-new-archive` means for paths that are not tiered, where there is nothing to mount.
 * @param accepted as they were given, without a slash at the end
 * @param tiered all spellings of the paths that tiering decides about itself
 */
export function decideAccepting(
  accepted: readonly string[],
  tiered: readonly string[],
  jobs: readonly Pick<Job, 'id' | 'outputDir' | 'storageIdentity'>[],
): { readonly steps: readonly AcceptStep[]; readonly refusals: readonly Refusal[] } {
  const steps: AcceptStep[] = [];
  const refusals: Refusal[] = [];
  for (const path of accepted) {
    if (tiered.includes(path)) continue;
    const there = jobs
      .filter(({ outputDir, storageIdentity }) => storageIdentity !== null && isAtOrBelow(outputDir, path))
      .map(({ id }) => id)
      .sort((a, b) => a - b);
    if (there.length === 0) {
      const because = 'no job has archived there, so there is nothing to accept';
      refusals.push({ code: 'nothing_to_accept', because, path, holdsBack: true });
    } else {
      const because = `job${there.length === 1 ? '' : 's'} ${there.join(', ')} take${there.length === 1 ? 's' : ''} what is there now for the archive`;
      steps.push({ kind: 'accept', path, because, jobs: there });
    }
  }
  return { steps, refusals };
}
