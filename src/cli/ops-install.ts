import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { defaultConfigurationFile, loadConfiguration, parseConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/schema.ts';
import type { InstallStep } from '../core/install/decide-install.ts';
import { UsageError } from '../core/errors.ts';
import { verdictOfPlan, verdictOfResults } from '../core/plan.ts';
import { diffOf } from '../install/diff.ts';
import { foreseeInstall, runInstall } from '../install/run-install.ts';
import { withHelp } from './help.ts';
import { manualPage } from './manual-page.ts';
import { answerPlan } from './plan-answer.ts';
import type { GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

interface InstallOptions extends GlobalOptions {
  readonly apply?: boolean;
}

export function addOpsInstall(ops: Command, terminal: Terminal): void {
  const command = ops
    .command('install')
    .description(
      'install this program as a service: user, folders, units, example settings; shows what would change, does it with --apply',
    )
    .option('--apply', 'do it, as root')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<InstallOptions>();
      const configuration = configurationOfUnits(options, terminal);
      const manual = await manualPage(terminal);
      if (options.apply === true) await apply(configuration, manual, options, terminal);
      else await forecast(configuration, manual, options, terminal);
    });
  withHelp(command, {
    examples: [
      ['ops install', 'what would be made or changed, with the difference of each file'],
      ['ops install --apply', 'again: nothing is changed'],
    ],
    exits: ['configuration', 'refused', 'failed', 'attention'],
  });
}

/** What the units are configured with; the defaults, where there is no file yet. @throws UsageError when another file is named */
export function configurationOfUnits({ config }: GlobalOptions, terminal: Terminal): Configuration {
  const named = config ?? terminal.environment['HEALTHARCHIVE_CONFIG'] ?? '';
  if (named !== '' && named !== defaultConfigurationFile)
    throw new UsageError(
      `the units read ${defaultConfigurationFile}, and no other configuration file.`,
      `put yours there, and leave out --config and $HEALTHARCHIVE_CONFIG`,
    );
  return existsSync(defaultConfigurationFile)
    ? loadConfiguration(defaultConfigurationFile, terminal.environment)
    : parseConfiguration('', defaultConfigurationFile);
}

async function forecast(
  configuration: Configuration,
  manual: string,
  options: GlobalOptions,
  terminal: Terminal,
): Promise<void> {
  const { steps, refusals } = await foreseeInstall(configuration, manual);
  const shown = await Promise.all(
    steps.map(async (step) => ({ step: { ...step, diff: await differenceOf(step) } })),
  );
  answerPlan(
    {
      mode: 'dry-run',
      verdict: verdictOfPlan(steps, refusals),
      reason: reasonOf(steps),
      steps: shown,
      refusals,
    },
    options,
    terminal,
    { isHeld: refusals.length > 0 },
  );
}

async function apply(
  configuration: Configuration,
  manual: string,
  options: GlobalOptions,
  terminal: Terminal,
): Promise<void> {
  const { plan, results } = await runInstall(configuration, manual);
  const { refusals } = plan;
  const verdict = verdictOfResults(results, refusals);
  const reason = reasonOf(results.map(({ step }) => step));
  answerPlan({ mode: 'apply', verdict, reason, steps: results, refusals }, options, terminal);
  if (options.json !== true && verdict === 'done') for (const line of nextSteps) terminal.answer(line);
}

const reasonOf = (steps: readonly InstallStep[]): string =>
  steps.length === 0 ? 'everything is there, as it is shipped' : `${steps.length} made or changed`;

const nextSteps = [
  '',
  'Nothing was started, and no automation is switched on. What comes next: docs/deployment/install.md, or',
  '  healtharchive ops verify',
];

/** Of a file that is replaced, as diff(1) shows it; of a new one its length. */
async function differenceOf({ kind, path, wanted, before }: InstallStep): Promise<readonly string[]> {
  if (kind !== 'file' || path === null || wanted?.kind !== 'file') return [];
  const { text } = wanted;
  return before === undefined
    ? [`new, ${text.split('\n').length - 1} lines`]
    : await diffOf(path, before, text);
}
