import { InvalidArgumentError, type Command } from 'commander';
import { planAnnualCampaign, type CampaignJob } from '../core/jobs/plan-campaign.ts';
import { JobStore } from '../store/job-store.ts';
import { SourceStore } from '../store/source-store.ts';
import type { Configuration } from '../config/schema.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { withHelp } from './help.ts';
import type { ExitStatusName } from './exit-status.ts';
import { outputDirectories } from './output-directory.ts';
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

/** Why a job of the campaign can't be queued: a person's job stands in its way. */
interface Refusal {
  readonly code: string;
  readonly because: string;
}

interface Schedule {
  readonly scheduled: readonly Scheduled[];
  readonly refusals: readonly Refusal[];
}

export function addCampaignSchedule(campaign: Command, terminal: Terminal): void {
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
    exits: ['configuration', 'refused', 'failed', 'attention'],
  });
}

async function schedule(
  configuration: Configuration,
  options: ScheduleOptions,
  terminal: Terminal,
): Promise<Schedule> {
  return await withDatabase(configuration, async (database) => {
    const jobs = new JobStore(database);
    const plan = planAnnualCampaign(
      await new SourceStore(database).list(),
      await jobs.campaignJobs(options.year),
      options.year,
    );
    const paths = await outputDirectories(
      plan.map(({ outputDir }) => outputDir),
      configuration,
    );
    const wanted = plan.map(({ source, name, year }, index) => ({
      source,
      name,
      outputDir: paths[index] ?? '',
      seeds: [],
      campaignKind: 'annual' as const,
      campaignYear: year,
    }));
    const results =
      options.apply === true
        ? await jobs.addAll(wanted, operatorName(terminal.environment), Date.now())
        : await jobs.takenOf(wanted);
    const scheduled: Scheduled[] = [];
    const refusals: Refusal[] = [];
    for (const [index, step] of plan.entries()) {
      const result = results[index] ?? null;
      if (result !== null && 'because' in result)
        refusals.push({ code: `${result.what}_taken`, because: `source ${step.source}: ${result.because}` });
      else scheduled.push({ ...step, path: paths[index] ?? '', id: result?.id ?? null });
    }
    return { scheduled, refusals };
  });
}

function verdictOf({ scheduled, refusals }: Schedule, isDryRun: boolean): keyof typeof exitOfVerdict {
  if (scheduled.length + refusals.length === 0) return 'nothing_to_do';
  if (isDryRun) return 'planned';
  return refusals.length > 0 ? 'refused' : 'done';
}

const exitOfVerdict = {
  nothing_to_do: 'done',
  done: 'done',
  planned: 'attention',
  refused: 'refused',
} as const satisfies Record<string, ExitStatusName>;

function report(planned: Schedule, options: ScheduleOptions, terminal: Terminal): void {
  const isDryRun = options.apply !== true;
  const verdict = verdictOf(planned, isDryRun);
  if (options.json === true) terminal.answerJson(planJson(planned, verdict, options));
  else describe(planned, options, terminal);
  terminal.exitStatus = exitOfVerdict[verdict];
}

function planJson(
  { scheduled, refusals }: Schedule,
  verdict: string,
  options: ScheduleOptions,
): Record<string, unknown> {
  const isDryRun = options.apply !== true;
  const lacking = scheduled.length + refusals.length;
  return {
    mode: isDryRun ? 'dry-run' : 'apply',
    verdict,
    reason:
      lacking === 0
        ? `every source has its job for ${options.year}`
        : `${lacking} sources lack their job for ${options.year}`,
    steps: scheduled.map((step) => ({
      kind: 'add_job',
      because: `source ${step.source} has no job for ${step.year}`,
      path: step.path,
      source: step.source,
      name: step.name,
      job_id: step.id,
      ...(isDryRun ? {} : { outcome: 'done' }),
    })),
    refusals,
  };
}

function describe({ scheduled, refusals }: Schedule, options: ScheduleOptions, terminal: Terminal): void {
  if (scheduled.length + refusals.length === 0) {
    terminal.answer(`Every source has its job for ${options.year}.`);
    return;
  }
  const rows = scheduled.map((step) => [
    step.id === null ? '-' : String(step.id),
    step.source,
    step.name,
    escapeToWidth(step.path, 200),
  ]);
  for (const line of formatTable(['ID', 'SOURCE', 'NAME', 'OUTPUT'], rows)) terminal.answer(line);
  for (const refusal of refusals) terminal.say(`Refused: ${refusal.because}.`);
  if (options.apply !== true) terminal.say('This is the plan. Add --apply to queue these jobs.');
}

function parseYear(text: string): number {
  const year = Number(text);
  if (!/^\d{4}$/.test(text) || year < 1990 || year > 2200)
    throw new InvalidArgumentError('It must be a year, such as 2026.');
  return year;
}
