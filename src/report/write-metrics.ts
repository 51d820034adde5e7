/** One `metrics write`: everything that is told of storage, jobs and worker, seen once, in bounded time. */
import type { Configuration } from '../config/schema.ts';
import { automations } from '../core/automations.ts';
import { shouldWorkerRun } from '../core/autostart/decide-auto-start.ts';
import { metricFamilies, type MetricsSnapshot } from '../core/report/snapshot-metrics.ts';
import { thisHost } from '../effects/host.ts';
import { hasSentinel } from '../effects/automation-gates.ts';
import { showUnits } from '../effects/systemd.ts';
import { seenJobs, surveyHotPaths } from '../hot-paths/survey.ts';
import { writeTextfile } from './textfile.ts';

/** The name of its file. */
const file = 'healtharchive.prom';

/** @returns what was written, and why it could not be (a sentence), or null */
export async function writeMetrics(
  configuration: Configuration,
): Promise<{ readonly snapshot: MetricsSnapshot; readonly problem: string | null }> {
  const snapshot = await takeSnapshot(configuration);
  return { snapshot, problem: writeTextfile(configuration, file, metricFamilies(snapshot)) };
}

async function takeSnapshot(configuration: Configuration): Promise<MetricsSnapshot> {
  const beginMs = performance.now();
  const { paths, worker } = configuration;
  const [survey, [unit = null]] = await Promise.all([
    surveyHotPaths(configuration, Date.now(), { isBrief: true, withFigures: true }),
    showUnits([worker.unit]),
  ]);
  const { base, jobs } = survey;
  return {
    writtenAtMs: Date.now(),
    durationMs: performance.now() - beginMs,
    figures: jobs.isKnown ? jobs.figures : null,
    parked: jobs.isKnown ? jobs.jobs.flatMap((job) => job.parked?.reason ?? []) : [],
    isWorkerActive: unit === null ? null : unit.active === 'active',
    shouldWorkerRun: shouldWorkerRun({ base, jobs: seenJobs(survey, thisHost()) }),
    base,
    baseSpace: survey.baseSpace,
    hotPaths: survey.paths.map(({ seen }) => ({ path: seen.path, state: seen.state })),
    switchedOn: Object.fromEntries(
      Object.entries(automations).map(([name, { sentinel }]) => [
        name,
        hasSentinel(paths.sentinel_dir, sentinel),
      ]),
    ),
  };
}
