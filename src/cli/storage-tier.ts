import { InvalidArgumentError, type Command } from 'commander';
import type { Configuration } from '../config/schema.ts';
import { verdictOfPlan, verdictOfResults, type Refusal, type Step, type StepResult } from '../core/plan.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { decideAccepting } from '../core/tiering/accept-archive.ts';
import { decideTiering } from '../core/tiering/decide-tiering.ts';
import type { TieringPlan } from '../core/tiering/tiering-plan.ts';
import type { TieringWorld } from '../core/tiering/tiering-world.ts';
import { thisHost } from '../effects/host.ts';
import { changeJobs } from '../recovery/job-changes.ts';
import { userIds } from '../effects/user-ids.ts';
import { archivesIfKnown, jobsIfKnown, type JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { stuckProbesFolder } from '../hot-paths/observe-configured.ts';
import { applyTiering } from '../tiering/apply-tiering.ts';
import { observeTiering } from '../tiering/observe-tiering.ts';
import { liveCrawls, runningCrawls } from '../worker/live-crawls.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import { withHelp } from './help.ts';
import { answerPlan, describeStep } from './plan-answer.ts';
import { operatorName, readConfiguration, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Nobody watches a clock here, and a machine is busy at boot. */
const jobsDeadlineMs = 15_000;

interface TierOptions extends GlobalOptions {
  readonly year?: number;
  readonly apply?: boolean;
  readonly repairStaleMounts?: boolean;
  readonly repairUnexpectedMounts?: boolean;
  readonly acceptNewArchive?: readonly string[];
}

export function addStorageTier(storage: Command, terminal: Terminal): void {
  const command = storage
    .command('tier')
    .description(
      'mount what belongs on each hot path: manifest lines and annual jobs, as binds of the storage box',
    )
    .option('--year <year>', 'annual jobs of this year (default: the current one, UTC)', parseYear)
    .option('--repair-stale-mounts', 'also take off mounts whose file system is gone')
    .option('--repair-unexpected-mounts', 'also take off mounts that are not what belongs there')
    .option(
      '--accept-new-archive <path...>',
      'these hot paths have what is on the storage box now, although jobs have archived elsewhere, or it is gone',
    )
    .option('--apply', 'do it, as root; without it the plan is shown')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<TierOptions>();
      await tier(readConfiguration(options, terminal), options, terminal);
    });
  withHelp(command, {
    examples: [
      ['storage tier', 'show what would be mounted, and what would not'],
      ['storage tier --apply', 'mount what is missing, as at boot'],
      ['storage tier --apply --repair-stale-mounts', 'after the storage box was mounted anew'],
    ],
    exits: ['configuration', 'lockHeld', 'refused', 'failed', 'attention'],
  });
}

async function tier(configuration: Configuration, options: TierOptions, terminal: Terminal): Promise<void> {
  const year = options.year ?? new Date().getUTCFullYear();
  const jobs = await jobsIfKnown(configuration, { year, deadlineMs: jobsDeadlineMs });
  const world = await observeTiering(configuration, jobs, year);
  const policy = policyOf(options);
  const tiering: TieringPlan = world === null ? { steps: [], refusals: [] } : decideTiering(world, policy);
  const tiered = (world?.paths ?? []).flatMap(({ path, configuredPath }) => [path, configuredPath]);
  const accepting = await acceptingOf(
    policy.acceptedArchives.filter((path) => !tiered.includes(path)),
    jobs,
    configuration,
  );
  const plan = {
    steps: [...tiering.steps, ...accepting.steps],
    refusals: [...tiering.refusals, ...accepting.refusals],
  };
  const reason =
    world === null
      ? 'there is no storage box in the configuration'
      : `${world.paths.length} hot paths are tiered`;
  if (options.apply !== true) {
    const verdict = verdictOfPlan(plan.steps, plan.refusals);
    answerPlan({ mode: 'dry-run', verdict, reason, ...asPlanned(plan) }, options, terminal);
    return;
  }
  if (plan.steps.length > 0 && process.geteuid?.() !== 0) {
    const refusals = [...plan.refusals, needsRoot];
    const planned = { ...asPlanned(plan), refusals };
    answerPlan(
      { mode: 'apply', verdict: 'refused', reason: needsRoot.because, ...planned },
      options,
      terminal,
    );
    return;
  }
  const areStepsShown = options.json !== true;
  const show = (result: StepResult<Step>): void => {
    if (areStepsShown) for (const line of describeStep(result)) terminal.answer(line);
  };
  const mounted =
    world === null || tiering.steps.length === 0 ? [] : await apply(tiering, world, configuration, show);
  const accepted = acceptedJobs(world, mounted, policy.acceptedArchives);
  if (accepted.length > 0) {
    const problem = await forgetStorage(accepted, configuration, terminal);
    if (problem !== null)
      terminal.say(
        `healtharchive: what was recorded of jobs ${accepted.join(', ')} stays: ${escapeForTerminal(problem)}`,
      );
  }
  const steps: StepResult<Step>[] = [...mounted];
  for (const step of accepting.steps) {
    const begin = performance.now();
    const error = await forgetStorage(step.jobs, configuration, terminal);
    const outcome = error === null ? 'done' : 'failed';
    const result = { step, outcome, error, durationMs: performance.now() - begin } as const;
    show(result);
    steps.push(result);
  }
  const verdict = verdictOfResults(steps, plan.refusals);
  const answer = { mode: 'apply', verdict, reason, steps, refusals: plan.refusals } as const;
  answerPlan(answer, options, terminal, { areStepsShown });
}

/** For the accepted paths that tiering itself decides nothing about. */
async function acceptingOf(paths: readonly string[], jobs: JobsIfKnown, configuration: Configuration) {
  const places = paths.map((path) => ({ paths: [path], inner: [] }));
  const known = jobs.isKnown ? await archivesIfKnown(configuration, places, jobsDeadlineMs) : jobs;
  return decideAccepting(
    paths.map((path, index) => ({
      path,
      archive: known.isKnown ? (known.archives[index] ?? null) : 'unknown',
    })),
  );
}

/** Jobs on paths that were mounted because a person said that it is right. */
function acceptedJobs(
  world: TieringWorld | null,
  steps: readonly StepResult<Step>[],
  accepted: readonly string[],
): number[] {
  const bound = steps
    .filter(({ step, outcome }) => step.kind === 'bind' && outcome === 'done')
    .map(({ step }) => step.path);
  return (world?.paths ?? [])
    .filter(
      ({ path, configuredPath }) =>
        bound.includes(path) && [path, configuredPath].some((one) => accepted.includes(one)),
    )
    .flatMap(({ archive }) => (archive === null || archive === 'unknown' ? [] : archive.jobs));
}

/** Else recovery, and the next run, would go by what was recorded before. Null, or why it could not be done. */
async function forgetStorage(
  jobIds: readonly number[],
  configuration: Configuration,
  terminal: Terminal,
): Promise<string | null> {
  const actor = operatorName(terminal.environment);
  const answer = await changeJobs(configuration, { kind: 'forget_storage', jobIds, actor });
  return answer.kind === 'unavailable' ? answer.because : null;
}

const needsRoot: Refusal = {
  code: 'needs_root',
  because: 'mounting needs root; the plan above is what root would do',
  path: null,
  holdsBack: true,
};

function policyOf(options: TierOptions) {
  return {
    repairStale: options.repairStaleMounts === true,
    repairUnexpected: options.repairUnexpectedMounts === true,
    acceptedArchives: (options.acceptNewArchive ?? []).map((path) => path.replace(/(?<=.)\/+$/, '')),
  };
}

function asPlanned({
  steps,
  refusals,
}: {
  readonly steps: readonly Step[];
  readonly refusals: readonly Refusal[];
}) {
  return { steps: steps.map((step) => ({ step })), refusals };
}

async function apply(
  plan: TieringPlan,
  world: TieringWorld,
  configuration: Configuration,
  onEnd: (result: StepResult<Step>) => void,
) {
  const { mount } = world.base;
  if (mount === null) throw new Error('a plan with steps needs a base that is mounted');
  const { storagebox, recovery, paths, worker } = configuration;
  const state = workerPaths(paths.state_dir);
  return await applyTiering(plan, {
    jobsRoot: world.jobsRoot,
    base: { path: world.basePath, fstype: storagebox.fstype, mount },
    staleErrnos: storagebox.stale_errnos,
    access: {
      timeoutMs: recovery.probe_timeout_seconds * 1000,
      stuckDir: stuckProbesFolder(configuration),
    },
    storageLock: state.storageLock,
    liveCrawls: async () => await liveCrawls(state, [], thisHost()),
    jobCrawls: async () => {
      const jobs = await jobsIfKnown(configuration);
      return jobs.isKnown ? await runningCrawls(state, jobs.jobs, thisHost()) : null;
    },
    workerUser: await userIds(worker.user),
    onEnd,
  });
}

function parseYear(text: string): number {
  const year = Number(text);
  if (!/^\d{4}$/.test(text) || year < 1990) throw new InvalidArgumentError('It must be a year, like 2026.');
  return year;
}
