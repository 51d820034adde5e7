import type { Configuration } from '../config/schema.ts';
import { attemptName, type LaunchSpec } from '../core/attempts/launch-spec.ts';
import { containerOf, containerPasses } from '../core/crawler/container.ts';
import { scopeOf, scopePattern } from '../core/crawler/scope.ts';
import { wgetPasses } from '../core/crawler/wget.ts';
import type { Admitted } from './admission.ts';
import type { AttemptFiles } from './worker-paths.ts';

/** What the launcher is told to run for an admitted job. */
export function crawlPlan(admitted: Admitted, files: AttemptFiles, configuration: Configuration): LaunchSpec {
  const { job, storage, device } = admitted;
  const { crawler, worker } = configuration;
  const attempt = attemptName(job.id, job.attempts);
  const common = {
    attempt,
    token: admitted.lease.token,
    outputDir: admitted.outputDir,
    expectedMount: storage,
    expectedDevice: device,
    seeds: job.seeds,
    scopePattern: scopePattern(scopeOf(job.seeds)),
    scratchDir: files.scratch,
    exitRecordFile: files.exitRecord,
    logFile: files.log,
    stopGraceMs: worker.stop_grace_seconds * 1000,
  };
  const { seeds, waitSeconds } = job;
  if (crawler.kind === 'wget') {
    const passes = wgetPasses({
      seeds,
      waitSeconds,
      attempt,
      scratchDir: files.scratch,
      dedupCdxFile: files.dedupCdx,
    });
    return { ...common, passes, dedupCdxFile: files.dedupCdx, container: null };
  }
  const container = { ...crawler, seeds, waitSeconds, attempt, outputDir: admitted.outputDir };
  return {
    ...common,
    passes: containerPasses(container),
    dedupCdxFile: null,
    container: containerOf(container),
  };
}
