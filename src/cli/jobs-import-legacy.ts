import type { Command } from 'commander';
import type { TakeOverPlan, TakeOverStep } from '../core/legacy/decide-take-over.ts';
import { type StepResult, verdictOfPlan, verdictOfResults } from '../core/plan.ts';
import { readLegacy } from '../legacy/read-legacy.ts';
import { planTakeOver, sourcesAndJobs } from '../legacy/plan-take-over.ts';
import { takeOver } from '../store/take-over.ts';
import { withHelp } from './help.ts';
import { answerPlan } from './plan-answer.ts';
import { operatorName, readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

interface ImportOptions extends GlobalOptions {
  readonly from: string;
  readonly apply?: boolean;
  readonly workerStopped?: boolean;
}

export function addJobImportLegacy(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('import-legacy')
    .description(
      'take over sources and jobs of the Python original: shows what would be, and what can’t be; does it with --apply; its database is only read',
    )
    .requiredOption('--from <url>', 'its database: sqlite:////PATH or postgresql://…, as it has it itself')
    .option(
      '--worker-stopped',
      'its worker is stopped: jobs that it left running are taken over, as interrupted',
    )
    .option('--apply', 'do it; again: only what is new')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<ImportOptions>();
      await importLegacy(options, terminal);
    });
  withHelp(command, {
    examples: [
      ['jobs import-legacy --from sqlite:////srv/healtharchive/healtharchive.db', 'what would be taken over'],
      [
        'jobs import-legacy --from postgresql://healtharchive@127.0.0.1/healtharchive --worker-stopped --apply',
        'do it, once its worker is stopped',
      ],
    ],
    exits: ['configuration', 'refused', 'failed', 'attention'],
  });
}

async function importLegacy(options: ImportOptions, terminal: Terminal): Promise<void> {
  const configuration = readConfiguration(options, terminal);
  const legacy = await readLegacy(options.from);
  const isWorkerStopped = options.workerStopped === true;
  await withDatabase(configuration, async (database) => {
    const plan = await planTakeOver(legacy, database, configuration, { isWorkerStopped });
    const reason = reasonOf(plan);
    if (options.apply !== true) {
      const verdict = verdictOfPlan(plan.steps, plan.left);
      const steps = plan.steps.map((step) => ({ step }));
      answerPlan({ mode: 'dry-run', verdict, reason, steps, refusals: plan.left }, options, terminal);
      return;
    }
    const { sources, jobs } = sourcesAndJobs(plan.steps);
    const beganMs = performance.now();
    const actor = operatorName(terminal.environment);
    if (plan.steps.length > 0) await takeOver(database, sources, jobs, actor, Date.now());
    // All of it in one transaction: it is there, or nothing of it.
    const durationMs = performance.now() - beganMs;
    const steps = plan.steps.map((step): StepResult<TakeOverStep> => ({
      step,
      outcome: 'done',
      error: null,
      durationMs,
    }));
    const verdict = verdictOfResults(steps, plan.left);
    answerPlan({ mode: 'apply', verdict, reason, steps, refusals: plan.left }, options, terminal);
  });
}

function reasonOf({ steps, present }: TakeOverPlan): string {
  const { sources, jobs } = sourcesAndJobs(steps);
  const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
  const here = `${many(present, 'job')} ${present === 1 ? 'is' : 'are'} here already`;
  return `${many(sources.length, 'source')} and ${many(jobs.length, 'job')}${present === 0 ? '' : `; ${here}`}`;
}
