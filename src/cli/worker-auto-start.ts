import type { Command } from 'commander';
import type { Configuration } from '../config/schema.ts';
import { automations, automationUnit } from '../core/automations.ts';
import { noAutoStartSentinel } from '../core/autostart/decide-auto-start.ts';
import { general, verdictOfPlan, verdictOfResults } from '../core/plan.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { type Log, standardErrorLog } from '../effects/log.ts';
import { hasSentinel } from '../effects/automation-gates.ts';
import { runInUnit } from '../effects/unit-run.ts';
import { type ReportedRun, reportRun } from '../report/automation-runs.ts';
import { type AutoStartRun, foreseeAutoStart, runAutoStart } from '../autostart/run-auto-start.ts';
import { withHelp } from './help.ts';
import { answerPlan } from './plan-answer.ts';
import { type GlobalOptions, readConfiguration } from './session.ts';
import type { Terminal } from './terminal.ts';

interface AutoStartOptions extends GlobalOptions {
  readonly apply?: boolean;
  readonly forceWithoutSentinel?: boolean;
}

export function addWorkerAutoStart(worker: Command, terminal: Terminal): void {
  const command = worker
    .command('auto-start')
    .description(
      'start the worker if it is down although jobs wait and their storage is there; shows it, does it with --apply',
    )
    .option('--apply', 'do it, as root')
    .option('--force-without-sentinel', 'apply although starting it by itself is switched off')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<AutoStartOptions>();
      const configuration = readConfiguration(options, terminal);
      if (options.apply === true)
        await runInUnit(
          terminal.environment,
          automationUnit('worker-auto-start'),
          async () => await apply(configuration, options, terminal),
        );
      else await forecastAutoStart(configuration, options, terminal);
    });
  withHelp(command, {
    examples: [
      ['worker auto-start', 'whether it would be started now, and what holds it back'],
      ['worker auto-start --apply', 'as its timer does, every 2 minutes'],
    ],
    exits: ['configuration', 'lockHeld', 'refused', 'failed', 'attention'],
  });
}

/** Answers with what would be done now; nothing is changed. */
export async function forecastAutoStart(
  configuration: Configuration,
  options: GlobalOptions,
  terminal: Terminal,
): Promise<void> {
  const { plan } = await foreseeAutoStart(configuration, Date.now());
  const steps = [...plan.steps, ...plan.held];
  const verdict = verdictOfPlan(steps, plan.refusals);
  const { reason, refusals } = plan;
  answerPlan(
    { mode: 'dry-run', verdict, reason, steps: steps.map((step) => ({ step })), refusals },
    options,
    terminal,
    { isHeld: plan.held.length > 0 },
  );
}

/** @returns whether its look was overtaken by recovery */
async function apply(
  configuration: Configuration,
  options: AutoStartOptions,
  terminal: Terminal,
): Promise<() => Promise<boolean>> {
  if (process.geteuid?.() !== 0) {
    const refusals = [general('needs_root', 'starting a unit needs root; without --apply the plan is shown')];
    const reason = 'only root can start the worker';
    answerPlan({ mode: 'apply', verdict: 'refused', reason, steps: [], refusals }, options, terminal);
    return () => Promise.resolve(false);
  }
  const isInJournal = terminal.environment['JOURNAL_STREAM'] !== undefined;
  const beganMs = performance.now();
  const run = await runAutoStart(configuration, { isForced: options.forceWithoutSentinel === true });
  if (run.setAside !== null)
    terminal.say(
      `healtharchive: what auto-start remembered could not be read; it lies in ${escapeForTerminal(run.setAside)} now`,
    );
  const { reason } = run.plan;
  // Whatever the state: without its sentinel nothing is started.
  const isGated = !run.world.hasSentinel;
  const isTold = run.plan.refusals.some(({ code }) => code === noAutoStartSentinel.code);
  const refusals = [...(isGated && !isTold ? [noAutoStartSentinel] : []), ...run.plan.refusals];
  const verdict = isGated ? 'refused' : verdictOfResults(run.results, run.plan.refusals);
  const told = reportRun(configuration, 'worker-auto-start', {
    atMs: Date.now(),
    durationMs: performance.now() - beganMs,
    isEnabled: hasSentinel(configuration.paths.sentinel_dir, automations['worker-auto-start'].sentinel),
    results: run.results,
    refusals,
  });
  for (const problem of told.problems) terminal.say(`healtharchive: ${escapeForTerminal(problem)}`);
  if (isInJournal) logRun(run, told, standardErrorLog(terminal.environment));
  answerPlan({ mode: 'apply', verdict, reason, steps: run.results, refusals }, options, terminal);
  return run.isOvertaken;
}

/** A line for each start, and one when what holds it back changes: not one for every look. */
function logRun({ plan, results }: AutoStartRun, { record, before }: ReportedRun, log: Log): void {
  for (const { step, outcome, error, durationMs } of results) {
    const about = { unit: step.unit, because: step.because, error: error ?? undefined };
    log(outcome === 'failed' ? 'error' : 'notice', `auto-start: start ${outcome}`, {
      ...about,
      seconds: Math.round(durationMs) / 1000,
    });
  }
  const { result, reason } = record.lastResult;
  if (result !== 'skip' || before?.lastResult.reason === reason) return;
  const refusal = plan.refusals.find(({ code }) => code === reason);
  const message =
    plan.held.length > 0 ? 'auto-start: the worker is down, and left so' : 'auto-start: look at this';
  log('warning', message, { code: reason, because: refusal?.because });
}
