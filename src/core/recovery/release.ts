import type { Job } from '../jobs/job.ts';
import { isAtOrBelow } from '../storage/path-relation.ts';
import { dayMs, type RecoveryMemory, type Verification } from './memory.ts';

export interface Release {
  readonly jobId: number;
  /** Of its last attempt: what is decided about another one does not hold. */
  readonly attempts: number;
  /** The proof that it rests on. */
  readonly path: string;
}

/**
 * Jobs whose cooldown has lost its reason: their last attempt began before their place was proved, so it was on the storage
 * that is mended now, however late it was noticed. Each once for a proof, and a job no oftener than it may be interrupted:
 * one that fails anew waits, or it would be started in a loop.
 */
export function jobsToRelease(
  jobs: readonly Pick<Job, 'id' | 'status' | 'infraRetry' | 'outputDir' | 'startedAtMs' | 'attempts'>[],
  memory: Pick<RecoveryMemory, 'verified' | 'releases'>,
  isFit: (outputDir: string) => boolean,
  { maxPerJobPerDay, nowMs }: { readonly maxPerJobPerDay: number; readonly nowMs: number },
): Release[] {
  return jobs.flatMap((job): Release[] => {
    const { id: jobId, outputDir, startedAtMs, attempts } = job;
    if (job.status !== 'retryable' || job.infraRetry === null || startedAtMs === null) return [];
    const proof = newestProof(memory.verified, outputDir);
    if (proof === undefined || startedAtMs > proof.atMs || proof.released.includes(jobId)) return [];
    const today = memory.releases.filter((each) => each.jobId === jobId && nowMs - each.atMs < dayMs).length;
    if (today >= maxPerJobPerDay || !isFit(outputDir)) return [];
    return [{ jobId, attempts, path: proof.path }];
  });
}

/** Of the places that the directory lies on. */
function newestProof(verified: readonly Verification[], outputDir: string): Verification | undefined {
  return verified
    .filter(({ path }) => isAtOrBelow(outputDir, path))
    .reduce<Verification | undefined>(
      (best, each) => (each.atMs > (best?.atMs ?? -1) ? each : best),
      undefined,
    );
}

/** The memory with these jobs released. */
export function rememberReleased(
  memory: RecoveryMemory,
  releases: readonly Release[],
  nowMs: number,
): RecoveryMemory {
  const jobsOf = (path: string): number[] =>
    releases.filter((release) => release.path === path).map(({ jobId }) => jobId);
  return {
    ...memory,
    verified: memory.verified.map((entry) => ({
      ...entry,
      released: [...entry.released, ...jobsOf(entry.path)],
    })),
    releases: [...memory.releases, ...releases.map(({ jobId }) => ({ jobId, atMs: nowMs }))],
  };
}
