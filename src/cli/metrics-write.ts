import type { Command } from 'commander';
import { OperatorError } from '../core/errors.ts';
import { metricFamilies } from '../core/report/snapshot-metrics.ts';
import { prometheusText } from '../core/report/prometheus-text.ts';
import { writeMetrics } from '../report/write-metrics.ts';
import { withHelp } from './help.ts';
import { readConfiguration, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

export function addMetricsWrite(metrics: Command, terminal: Terminal): void {
  const command = metrics
    .command('write')
    .description('look at storage, jobs and worker, and write healtharchive.prom')
    .option('--json', 'answer with what was written, as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const configuration = readConfiguration(options, terminal);
      const { snapshot, problem } = await writeMetrics(configuration);
      const families = metricFamilies(snapshot);
      if (problem !== null) throw new OperatorError(`${problem}.`);
      if (options.json === true) {
        const directory = configuration.paths.textfile_dir;
        terminal.answerJson({ written_to: directory === '' ? null : directory, families });
      } else terminal.answer(prometheusText(families).trimEnd());
    });
  withHelp(command, {
    examples: [
      ['metrics write', 'as its timer does, every 30 seconds; shows what it wrote'],
      ['metrics write --json', 'the same for scripts'],
    ],
    exits: ['configuration', 'failed'],
  });
}
