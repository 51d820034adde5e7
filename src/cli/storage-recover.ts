import type { Command } from 'commander';
import type { Configuration } from '../config/schema.ts';
import { verdictOfPlan, type Refusal } from '../core/plan.ts';
import type { Casualty } from '../core/recovery/recovery-plan.ts';
import { UsageError } from '../core/errors.ts';
import { foreseeRecovery, type Forecast } from '../recovery/foresee.ts';
import { seeWorld } from '../core/recovery/seen-world.ts';
import { withHelp } from './command.ts';
import { answerPlan } from './plan-answer.ts';
import { readConfiguration, type GlobalOptions } from './session.ts';
import { describeForecast } from './storage-recover-page.ts';
import { pageWidth, type Terminal } from './terminal.ts';

interface RecoverOptions extends GlobalOptions {
  readonly simulateBrokenPath?: readonly string[];
}

export function addStorageRecover(storage: Command, terminal: Terminal): void {
  const command = storage
    .command('recover')
    .description(
      'what recovery would do about broken storage now, round by round, and why not more; changes nothing',
    )
    .option(
      '--simulate-broken-path <path...>',
      'as if these were dead: the storage box, or hot paths; nothing of them is touched',
    )
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<RecoverOptions>();
      await recover(readConfiguration(options, terminal), options, terminal);
    });
  withHelp(command, {
    examples: [
      ['storage recover', 'show what would be done, and what would not'],
      ['storage recover --simulate-broken-path DIR', 'a drill on a healthy host: as if DIR were dead'],
    ],
    exits: ['configuration', 'failed', 'attention'],
  });
}

async function recover(
  configuration: Configuration,
  options: RecoverOptions,
  terminal: Terminal,
): Promise<void> {
  const simulated = options.simulateBrokenPath ?? [];
  const forecast = await foreseeRecovery(configuration, simulated, Date.now());
  const [unknown] = forecast.unknownPaths;
  if (unknown !== undefined)
    throw new UsageError(`${unknown} is no mounted hot path or storage box that recovery looks after.`);
  const refusals = refusalsOf(forecast);
  const steps = forecast.rounds.flatMap(({ steps: now, held }, index) =>
    [...now, ...held].map((step) => ({ step, round: index + 1 })),
  );
  const verdict = verdictOfPlan(
    steps.map(({ step }) => step),
    refusals,
  );
  const reason = reasonOf(forecast, simulated.length > 0);
  answerPlan({ mode: 'dry-run', verdict, reason, steps, refusals }, options, terminal, {
    json: { simulated_broken_paths: simulated, blast_radius: blastRadiusOf(forecast).map(casualtyJson) },
    page: describeForecast(
      { forecast, refusals, casualties: blastRadiusOf(forecast), reason, verdict },
      pageWidth(terminal),
    ),
  });
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

/** What is dead now, or ends with the first round: later rounds only meet it again. */
function blastRadiusOf({ rounds }: Forecast): readonly Casualty[] {
  return rounds[0]?.casualties ?? [];
}

function casualtyJson({ device, source, because, paths, crawls }: Casualty): object {
  return { device, source, because, paths, crawls };
}

function reasonOf({ world }: Forecast, isSimulated: boolean): string {
  const { targets, base } = seeWorld(world);
  const total = targets.length + (base === null ? 0 : 1);
  const broken =
    targets.filter(({ report }) => report.state !== 'healthy').length +
    (base !== null && base.state !== 'healthy' ? 1 : 0);
  const how = isSimulated ? ' in this simulation' : '';
  if (broken === 0) return `all ${total} paths that recovery looks after are healthy${how}`;
  return `${broken} of ${total} paths that recovery looks after ${broken === 1 ? 'is' : 'are'} not healthy${how}`;
}
