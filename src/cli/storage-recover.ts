import type { Command } from 'commander';
import type { Configuration } from '../config/schema.ts';
import { UsageError } from '../core/errors.ts';
import {
  general,
  type Refusal,
  type Step,
  type StepResult,
  type Verdict,
  verdictOfPlan,
  verdictOfResults,
} from '../core/plan.ts';
import { automationUnit } from '../core/automations.ts';
import type { Casualty } from '../core/recovery/recovery-plan.ts';
import { noSentinel } from '../core/recovery/hold-back.ts';
import { type SeenWorld, seeWorld } from '../core/recovery/seen-world.ts';
import { recoveryMetrics, type RecoverySeen } from '../core/report/recovery-metrics.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { hasSentinel } from '../effects/automation-gates.ts';
import { standardErrorLog } from '../effects/log.ts';
import { runInUnit } from '../effects/unit-run.ts';
import { type Forecast, foreseeRecovery } from '../recovery/foresee.ts';
import { recoverySentinel } from '../recovery/observe-recovery.ts';
import { type RecoveryPass, runRecovery } from '../recovery/run-recovery.ts';
import { reportRun } from '../report/automation-runs.ts';
import { withHelp } from './help.ts';
import { answerPlan } from './plan-answer.ts';
import { type GlobalOptions, readConfiguration } from './session.ts';
import { describeRecovery } from './storage-recover-page.ts';
import { pageWidth, type Terminal } from './terminal.ts';

interface RecoverOptions extends GlobalOptions {
  readonly apply?: boolean;
  readonly rearm?: boolean;
  readonly forceWithoutSentinel?: boolean;
  readonly simulateBrokenPath?: readonly string[];
}

export function addStorageRecover(storage: Command, terminal: Terminal): void {
  const command = storage
    .command('recover')
    .description(
      'mend broken storage: shows, round by round, what would be done now and why not more; does it with --apply',
    )
    .option('--apply', 'do it, as root; crawls on healthy storage are left alone')
    .option('--rearm', 'forget earlier repairs, so that caps and backoffs begin anew')
    .option('--force-without-sentinel', 'apply although automatic recovery is switched off')
    .option(
      '--simulate-broken-path <path...>',
      'show the plan as if these were dead: the storage box, or hot paths; not with --apply',
    )
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<RecoverOptions>();
      const configuration = readConfiguration(options, terminal);
      if (options.apply !== true) await forecastRecovery(configuration, options, terminal);
      else
        await runInUnit(
          terminal.environment,
          automationUnit('storage-hotpath-auto-recover'),
          async () => await apply(configuration, options, terminal),
        );
    });
  withHelp(command, {
    examples: [
      ['storage recover', 'show what would be done, and what would not'],
      ['storage recover --apply', 'mend it'],
      ['storage recover --simulate-broken-path DIR', 'a drill on a healthy host: as if DIR were dead'],
    ],
    exits: ['configuration', 'lockHeld', 'refused', 'failed', 'attention'],
  });
}

/** Answers with what would be done now; nothing is changed. */
export async function forecastRecovery(
  configuration: Configuration,
  options: RecoverOptions,
  terminal: Terminal,
): Promise<void> {
  const simulated = options.simulateBrokenPath ?? [];
  const seen = await foreseeRecovery(
    configuration,
    { brokenPaths: simulated, isRearmed: options.rearm === true },
    Date.now(),
  );
  const [unknown] = seen.unknownPaths;
  if (unknown !== undefined)
    throw new UsageError(
      `${escapeForTerminal(unknown)} is no mounted hot path or storage box that recovery looks after.`,
    );
  const refusals = refusalsOf(seen);
  const casualties = seen.rounds[0]?.casualties ?? [];
  const steps = seen.rounds.flatMap(({ steps: now, held }, index) =>
    [...now, ...held].map((step) => ({ step, round: index + 1 })),
  );
  const verdict = verdictOfPlan(
    steps.map(({ step }) => step),
    refusals,
  );
  const reason = reasonOf(seeWorld(seen.world), simulated.length > 0);
  answerPlan({ mode: 'dry-run', verdict, reason, steps, refusals }, options, terminal, {
    json: { simulated_broken_paths: simulated, blast_radius: casualties.map(casualtyJson) },
    page: describeRecovery({ reason, casualties, steps, refusals, conclusion: verdict }, pageWidth(terminal)),
  });
}

/** @returns whether the last look was overtaken by something */
async function apply(
  configuration: Configuration,
  options: RecoverOptions,
  terminal: Terminal,
): Promise<() => Promise<boolean>> {
  if (options.simulateBrokenPath !== undefined)
    throw new UsageError('--simulate-broken-path shows a plan; it can’t be applied.');
  if (process.geteuid?.() !== 0) {
    const refusals = [general('needs_root', 'mounting needs root; without --apply the plan is shown')];
    const reason = 'only root can mount';
    answerPlan({ mode: 'apply', verdict: 'refused', reason, steps: [], refusals }, options, terminal);
    return () => Promise.resolve(false);
  }
  const isInJournal = terminal.environment['JOURNAL_STREAM'] !== undefined;
  const beganMs = performance.now();
  const run = await runRecovery(configuration, {
    isForced: options.forceWithoutSentinel === true,
    isRearmed: options.rearm === true,
    log: isInJournal ? standardErrorLog(terminal.environment) : () => undefined,
  });
  const rounds = run.passes.flatMap(({ outcome }) => outcome.rounds);
  const final = run.passes.at(-1) ?? run.passes[0];
  const { last, seen } = final.outcome;
  if (run.setAside !== null)
    terminal.say(
      `healtharchive: what recovery remembered could not be read; it lies in ${escapeForTerminal(run.setAside)} now`,
    );
  const repairs = rounds.flatMap(({ results }, index) =>
    results.map((result) => ({ ...result, round: index + 1 })),
  );
  const steps = [...repairs, ...run.passes.flatMap(afterwardsSteps)];
  const casualties = rounds[0]?.plan.casualties ?? last.casualties;
  // Whatever the state: without its sentinel nothing is mended.
  const gate = seen.world.hasSentinel ? null : noSentinel;
  const refusals = [
    ...(gate === null || last.refusals.some(({ code }) => code === gate.code) ? [] : [gate]),
    ...last.refusals,
    ...jobsNotChanged(final),
  ];
  const verdict = gate === null ? verdictOf(repairs, steps.length > 0, refusals) : 'refused';
  const told = reportRun(
    configuration,
    'storage-hotpath-auto-recover',
    {
      atMs: Date.now(),
      durationMs: performance.now() - beganMs,
      isEnabled: hasSentinel(configuration.paths.sentinel_dir, recoverySentinel),
      results: repairs,
      refusals,
    },
    (record) => recoveryMetrics(seenBy(final, refusals), record),
  );
  for (const problem of told.problems) terminal.say(`healtharchive: ${escapeForTerminal(problem)}`);
  const reason = reasonOf(seen, false);
  answerPlan({ mode: 'apply', verdict, reason, steps, refusals }, options, terminal, {
    json: { blast_radius: casualties.map(casualtyJson), evidence: evidenceOf(run.passes) },
    page: describeRecovery({ reason, casualties, steps, refusals, conclusion: verdict }, pageWidth(terminal)),
  });
  return run.isOvertaken;
}

function seenBy({ outcome }: RecoveryPass, refusals: readonly Refusal[]): RecoverySeen {
  const { base } = outcome.seen;
  const targets = outcome.seen.targets.filter(({ report }) => report.state !== 'healthy').length;
  const isBaseUnwell = base !== null && base.state !== 'healthy';
  return {
    unhealthy: targets + (isBaseUnwell ? 1 : 0),
    incidentOpenedAtMs: outcome.memory.incident?.openedAtMs ?? null,
    refusals,
  };
}

/** The folder of what was kept when an incident began in this run. */
function evidenceOf(passes: readonly RecoveryPass[]): string | null {
  for (const { evidence } of passes)
    if (evidence !== null && !(evidence instanceof Error)) return evidence.path;
  return null;
}

function verdictOf(
  repairs: readonly StepResult<Step>[],
  hasDone: boolean,
  refusals: readonly Refusal[],
): Verdict {
  const verdict = verdictOfResults(repairs, refusals);
  return verdict === 'nothing_to_do' && hasDone ? 'done' : verdict;
}

/** The database can be read and yet not written: somebody else holds its lock. */
function jobsNotChanged({ outcome: { seen }, afterwards: { jobs } }: RecoveryPass): Refusal[] {
  if (jobs.kind !== 'unavailable' || seen.world.jobsUnknownBecause !== null) return [];
  const because = `jobs that wait for this repair, or whose worker is gone, are seen to by the next run: ${jobs.because}`;
  return [general('jobs_not_changed', because, false)];
}

/** What was done for the jobs after the repair, as steps like the others. */
function afterwardsSteps({ afterwards: { jobs, worker } }: RecoveryPass): StepResult<Step>[] {
  const step = (kind: string, path: string | null, because: string): StepResult<Step> => ({
    step: { kind, path, because },
    outcome: 'done',
    error: null,
    durationMs: 0,
  });
  const changes =
    jobs.kind === 'afterwards'
      ? [
          ...jobs.returned.map(({ jobId, outcome }) =>
            step('return', null, `job ${jobId}: its worker was gone (${outcome})`),
          ),
          ...jobs.released.map(({ jobId, path }) =>
            step('release', path, `job ${jobId} need not wait: its storage is proved healthy`),
          ),
        ]
      : [];
  return [...changes, ...(worker === null ? [] : [step('wake', null, worker)])];
}

/** What holds back now, and what is left alone when all that can be done is done. */
function refusalsOf({ rounds }: Forecast): Refusal[] {
  const all = [
    ...(rounds[0]?.refusals ?? []).filter(({ holdsBack }) => holdsBack),
    ...(rounds.at(-1)?.refusals ?? []),
  ];
  const key = ({ code, path }: Refusal): string => JSON.stringify([code, path]);
  return [...new Map(all.map((refusal) => [key(refusal), refusal])).values()];
}

function casualtyJson({ device, source, because, paths, crawls }: Casualty): object {
  return { device, source, because, paths, crawls };
}

function reasonOf({ targets, base }: SeenWorld, isSimulated: boolean): string {
  const total = targets.length + (base === null ? 0 : 1);
  const broken =
    targets.filter(({ report }) => report.state !== 'healthy').length +
    (base !== null && base.state !== 'healthy' ? 1 : 0);
  const how = isSimulated ? ' in this simulation' : '';
  if (broken === 0) return `all ${total} paths that recovery looks after are healthy${how}`;
  return `${broken} of ${total} paths that recovery looks after ${broken === 1 ? 'is' : 'are'} not healthy${how}`;
}
