import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { attemptName, type LaunchSpec } from '../core/attempts/launch-spec.ts';
import { containerCommand, containerOf } from '../core/crawler/container.ts';
import { retryPausesMs } from '../core/crawler/patience.ts';
import { scopeOf, scopePattern } from '../core/crawler/scope.ts';
import { programPath } from '../effects/program-path.ts';
import type { Admitted } from './admission.ts';
import type { AttemptFiles } from './worker-paths.ts';

/**
 * What the launcher is told to run for an admitted job.
 * @param frontierFile of the job
 */
export function crawlPlan(
  admitted: Admitted,
  files: AttemptFiles,
  frontierFile: string,
  { crawler, worker }: Configuration,
): LaunchSpec {
  const { job, storage, device } = admitted;
  const { seeds, waitSeconds } = job;
  const attempt = attemptName(job.id, job.attempts);
  const common = {
    attempt,
    token: admitted.lease.token,
    outputDir: admitted.outputDir,
    expectedMount: storage,
    expectedDevice: device,
    reportFile: files.report,
    scratchDir: files.scratch,
    exitRecordFile: files.exitRecord,
    logFile: files.log,
    stopGraceMs: worker.stop_grace_seconds * 1000,
  };
  if (crawler.kind === 'container') {
    const container = { ...crawler, seeds, waitSeconds, attempt, outputDir: admitted.outputDir };
    return { ...common, argv: containerCommand(container), crawl: null, container: containerOf(container) };
  }
  const file = join(files.scratch, 'crawl.json');
  const spec = {
    attempt,
    seeds,
    scopePattern: scopePattern(scopeOf(seeds)),
    requisitesFromOtherHosts: crawler.requisites_from_other_hosts,
    waitSeconds,
    userAgent: crawler.user_agent,
    frontierFile,
    isBegunAnew: job.crawlerStatus === 'success',
    scratchDir: files.scratch,
    reportFile: files.report,
    outagePatienceMs: crawler.outage_patience_seconds * 1000,
    retryPausesMs,
    answerSeconds: crawler.max_response_seconds,
    answerBytes: crawler.max_response_bytes,
  };
  const argv = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    '--',
    programPath('crawler'),
    file,
  ] as const;
  return { ...common, argv, crawl: { spec, file }, container: null };
}
