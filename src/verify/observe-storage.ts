import type { Configuration } from '../config/schema.ts';
import type { Ids } from '../core/install/layout.ts';
import { inLanes } from '../core/in-lanes.ts';
import { conditions } from '../core/report/conditions.ts';
import type { SeenWrite, StorageFacts } from '../core/verify/storage-checks.ts';
import { readMountTable } from '../effects/read-mounts.ts';
import { checkWritable } from '../effects/storage-access.ts';
import { stuckProbesFolder } from '../hot-paths/observe-configured.ts';
import { surveyHotPaths, type Survey } from '../hot-paths/survey.ts';

const lanes = 8;
/** For one write; and for all of them there is no more time than that. */
const writeMs = 2000;
/** As many as a look of a few seconds allows; each is looked at by the worker itself before a crawl. */
const writtenAtMost = 200;

/** @param ids the worker's user, as whom root writes; null: nothing is written */
export async function observeStorage(
  configuration: Configuration,
  ids: Ids | null,
): Promise<{ readonly facts: StorageFacts; readonly survey: Survey }> {
  const { storagebox, tiering, worker } = configuration;
  const survey = await surveyHotPaths(configuration, Date.now());
  const { base } = survey;
  const mounted = (base?.mount ?? null) === null ? undefined : readMountTable().topmostAt(base?.path ?? '');
  const [refused] = survey.refused.values();
  return {
    survey,
    facts: {
      user: worker.user,
      base:
        base === null
          ? null
          : {
              path: base.path,
              state: base.state,
              reason: base.reason,
              unit: storagebox.unit,
              options: mounted === undefined ? null : [...mounted.options, ...mounted.superOptions],
              fstype: mounted?.fstype ?? null,
            },
      refused:
        refused === undefined
          ? null
          : {
              meaning: conditions[refused.obstacle].meaning,
              next: conditions[refused.obstacle].next,
              line: refused.line,
            },
      paths: survey.paths.map(({ seen: { path, state, reason } }) => ({ path, state, reason })),
      writes: await writesTo(survey, configuration, ids),
      shadowed: [...survey.shadowed].filter(([, { kind }]) => kind !== 'uncounted').map(([path]) => path),
      foreign: [...survey.foreign.values()].flat(),
      manifestProblems: survey.manifestProblems,
      manifest: tiering.manifest,
      baseFreePercent: survey.baseSpace?.percent ?? null,
    },
  };
}

async function writesTo(survey: Survey, configuration: Configuration, ids: Ids | null): Promise<SeenWrite[]> {
  if (ids === null || process.geteuid?.() !== 0) return [];
  const healthy = survey.paths.filter(({ seen }) => seen.state === 'healthy').slice(0, writtenAtMost);
  const giveUpMs = performance.now() + writeMs;
  const options = {
    timeoutMs: writeMs,
    stuckDir: stuckProbesFolder(configuration),
    orAbove: true,
    asUser: ids,
  };
  const written = await inLanes(healthy, lanes, async ({ seen: { path } }): Promise<SeenWrite[]> => {
    if (performance.now() > giveUpMs) return [];
    const answer = await checkWritable(path, options);
    switch (answer.kind) {
      case 'ok':
        return [{ path, problem: null }];
      case 'error':
        return [{ path, problem: answer.errno }];
      case 'corrupt':
        return [{ path, problem: 'what was read back is not what was written' }];
      default:
        // It did not answer in time: its state says so at the next look.
        return [];
    }
  });
  return written.flat();
}
