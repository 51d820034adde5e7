import { InvalidArgumentError, type Command } from 'commander';
import { planAnnualCampaign, type CampaignJob } from '../core/jobs/campaign.ts';
import { JobStore } from '../store/job-store.ts';
import { SourceStore } from '../store/source-store.ts';
import type { Configuration } from '../config/schema.ts';
import { withHelp } from './command.ts';
import { outputDirectory } from './output-directory.ts';
import { operatorName, readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

interface ScheduleOptions extends GlobalOptions {
  readonly year: number;
  readonly apply?: boolean;
}

interface Scheduled extends CampaignJob {
  readonly path: string;
  readonly id: number | null;
}

export function addCampaignCommands(program: Command, terminal: Terminal): void {
  const campaign = program.command('campaign').description('annual campaigns: one job a source and year');
  const command = campaign
    .command('schedule')
    .description('queue the annual job of every source that has none for the year')
    .requiredOption('--year <year>', 'the year', parseYear)
    .option('--apply', 'do it; without it the plan is shown')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<ScheduleOptions>();
      const configuration = readConfiguration(options, terminal);
      const planned = await schedule(configuration, options, terminal);
      report(planned, options, terminal);
    });
  withHelp(command, {
    examples: [
      ['campaign schedule --year 2026', 'show what is missing'],
      ['campaign schedule --year 2026 --apply', 'queue it; again: nothing to do'],
    ],
    exits: ['configuration', 'failed', 'attention'],
  });
}

async function schedule(
  configuration: Configuration,
  options: ScheduleOptions,
  terminal: Terminal,
): Promise<Scheduled[]> {
  return await withDatabase(configuration, async (database) => {
    const jobs = new JobStore(database);
    const plan = planAnnualCampaign(await new SourceStore(database).list(), await jobs.list(), options.year);
    const scheduled: Scheduled[] = [];
    for (const step of plan) {
      const path = await outputDirectory(step.outputDir, configuration);
      if (options.apply !== true) {
        scheduled.push({ ...step, path, id: null });
        continue;
      }
      const job = await jobs.add(
        {
          source: step.source,
          name: step.name,
          outputDir: path,
          seeds: [],
          campaignKind: 'annual',
          campaignYear: step.year,
        },
        operatorName(terminal.environment),
        Date.now(),
      );
      scheduled.push({ ...step, path, id: job.id });
    }
    return scheduled;
  });
}

function report(planned: readonly Scheduled[], options: ScheduleOptions, terminal: Terminal): void {
  const isDryRun = options.apply !== true;
  const verdict = planned.length === 0 ? 'nothing_to_do' : isDryRun ? 'planned' : 'done';
  if (options.json === true) {
    terminal.answerJson({
      mode: isDryRun ? 'dry-run' : 'apply',
      verdict,
      reason:
        planned.length === 0
          ? `every source has its job for ${options.year}`
          : `${planned.length} sources lack their job for ${options.year}`,
      steps: planned.map((step) => ({
        kind: 'add_job',
        because: `source ${step.source} has no job for ${step.year}`,
        path: step.path,
        source: step.source,
        name: step.name,
        job_id: step.id,
        ...(isDryRun ? {} : { outcome: 'done' }),
      })),
      refusals: [],
    });
  } else if (planned.length === 0) {
    terminal.answer(`Every source has its job for ${options.year}.`);
  } else {
    const rows = planned.map((step) => [
      step.id === null ? '-' : String(step.id),
      step.source,
      step.name,
      step.path,
    ]);
    for (const line of formatTable(['ID', 'SOURCE', 'NAME', 'OUTPUT'], rows)) terminal.answer(line);
    if (isDryRun) terminal.say('This is the plan. Add --apply to queue these jobs.');
  }
  if (verdict === 'planned') terminal.exitStatus = 'attention';
}

function parseYear(text: string): number {
  const year = Number(text);
  if (!/^\d{4}$/.test(text) || year < 1990 || year > 2200)
    throw new InvalidArgumentError('It must be a year, such as 2026.');
  return year;
}
