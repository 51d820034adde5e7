import { InvalidArgumentError, type Command } from 'commander';
import { JobStore } from '../store/job-store.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { HangingEngines } from '../worker/crawler-gone.ts';
import { findStaleJobs, returnStaleJob, type StaleVerdict } from '../worker/stale-jobs.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import { thisHost } from '../effects/host.ts';
import { retryPolicy } from '../worker/worker-settings.ts';
import { withHelp } from './help.ts';
import { operatorName, readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

interface StaleOptions extends GlobalOptions {
  readonly olderThanMinutes?: number;
  readonly source?: string;
  readonly hostIsGone?: string;
  readonly apply?: boolean;
}

interface Outcome {
  readonly verdict: StaleVerdict;
  readonly outcome: string | null;
}

export function addRecoverStale(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('recover-stale')
    .description('give back running jobs whose worker is gone: lease expired, and no crawler of theirs alive')
    .option('--older-than-minutes <n>', 'only jobs whose attempt began at least this long ago', parseMinutes)
    .option('--source <code>', 'only jobs of this source')
    .option(
      '--host-is-gone <host>',
      'jobs of a host that will never come back: you vouch that nothing of it runs',
    )
    .option('--apply', 'do it; without it the plan is shown')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<StaleOptions>();
      const configuration = readConfiguration(options, terminal);
      const outcomes = await withDatabase(configuration, async (database) => {
        const store = new JobStore(database);
        const paths = workerPaths(configuration.paths.state_dir);
        const nowMs = Date.now();
        const verdicts = await findStaleJobs(store, database, paths, {
          host: thisHost(),
          hostIsGone: options.hostIsGone ?? null,
          ownWorker: null,
        });
        const { source, olderThanMinutes } = options;
        const chosen = verdicts.filter(({ job }) => {
          const ageMinutes = (nowMs - (job.startedAtMs ?? nowMs)) / 60_000;
          return (
            (source === undefined || job.source === source) &&
            // Not asked for, the age has no say: by a clock that was set back, a job begins in the future.
            (olderThanMinutes === undefined || ageMinutes >= olderThanMinutes)
          );
        });
        const done: Outcome[] = [];
        const hanging: HangingEngines = new Set();
        for (const verdict of chosen) {
          const isReturned = verdict.isStale && options.apply === true;
          const outcome = isReturned
            ? await returnStaleJob(
                store,
                verdict,
                paths,
                hanging,
                operatorName(terminal.environment),
                retryPolicy(configuration),
                nowMs,
              )
            : null;
          done.push({ verdict, outcome });
        }
        return done;
      });
      report(outcomes, options, terminal);
    });
  withHelp(command, {
    examples: [
      ['jobs recover-stale', 'look'],
      ['jobs recover-stale --older-than-minutes 60 --apply', 'only old ones'],
    ],
    exits: ['configuration', 'failed', 'attention'],
  });
}

function report(outcomes: readonly Outcome[], options: StaleOptions, terminal: Terminal): void {
  const stale = outcomes.filter(({ verdict }) => verdict.isStale);
  const alive = outcomes.filter(({ verdict }) => !verdict.isStale);
  const isDryRun = options.apply !== true;
  const state = stale.length === 0 ? 'nothing_to_do' : isDryRun ? 'planned' : 'done';
  if (options.json === true) {
    terminal.answerJson({
      mode: isDryRun ? 'dry-run' : 'apply',
      verdict: state,
      reason: `${stale.length} of ${outcomes.length} running jobs are stale`,
      steps: stale.map(({ verdict, outcome }) => ({
        kind: 'return_job',
        job_id: verdict.job.id,
        because: verdict.because,
        path: verdict.job.outputDir,
        ...(outcome === null ? {} : { outcome }),
      })),
      refusals: alive.map(({ verdict }) => ({
        code: verdict.code,
        job_id: verdict.job.id,
        because: verdict.because,
      })),
    });
  } else if (outcomes.length === 0) {
    terminal.answer('No job is running.');
  } else {
    const rows = outcomes.map(({ verdict, outcome }) => [
      String(verdict.job.id),
      escapeToWidth(verdict.job.name, 40),
      outcome ?? (verdict.isStale ? 'stale' : 'left alone'),
      escapeToWidth(verdict.because, 120),
    ]);
    for (const line of formatTable(['ID', 'NAME', 'OUTCOME', 'BECAUSE'], rows)) terminal.answer(line);
    if (state === 'planned') terminal.say('This is the plan. Add --apply to give these jobs back.');
  }
  if (state === 'planned') terminal.exitStatus = 'attention';
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of minutes.');
  return minutes;
}
