import type { Command } from 'commander';
import { defaultJobName, pathSegment } from '../core/jobs/naming.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { JobStore } from '../store/job-store.ts';
import { withHelp } from './help.ts';
import { jobJson } from './job-json.ts';
import { outputDirectories } from './output-directory.ts';
import { operatorName, readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { checkedName, checkedSeeds } from './arguments.ts';
import type { Terminal } from './terminal.ts';

interface AddOptions extends GlobalOptions {
  readonly source: string;
  readonly seed?: string[];
  readonly name?: string;
  readonly outputDir?: string;
}

export function addJobAdd(jobs: Command, terminal: Terminal): void {
  const command = jobs
    .command('add')
    .description('queue one crawl of a source')
    .requiredOption('--source <code>', 'code of the source')
    .option('--seed <url...>', "where it begins, instead of the source's seeds")
    .option('--name <name>', 'unique name (default: the source and the time)')
    .option('--output-dir <dir>', 'below the jobs root; a relative path begins there (default: SOURCE/NAME)')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<AddOptions>();
      const nowMs = Date.now();
      const seeds = checkedSeeds(options.seed ?? []);
      const name = checkedName('--name', options.name ?? defaultJobName(options.source, nowMs));
      const configuration = readConfiguration(options, terminal);
      const wanted = options.outputDir ?? `${pathSegment(options.source)}/${pathSegment(name)}`;
      const job = await withDatabase(configuration, async (database) => {
        const [outputDir = ''] = await outputDirectories([wanted], configuration);
        return await new JobStore(database).add(
          { source: options.source, name, outputDir, seeds, campaignKind: null, campaignYear: null },
          operatorName(terminal.environment),
          nowMs,
        );
      });
      if (options.json === true) terminal.answerJson(jobJson(job, nowMs));
      else
        terminal.answer(
          `Queued job ${job.id} (${escapeToWidth(job.name, 80)}) into ${escapeToWidth(job.outputDir, 200)}.`,
        );
    });
  withHelp(command, {
    examples: [
      ['jobs add --source hc', "crawl the source's own seeds"],
      ['jobs add --source hc --name hc-recalls --seed https://recalls.example.ca/', 'one part of it'],
    ],
    exits: ['configuration', 'failed'],
  });
}
