import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { DeployStep } from '../core/deploy/deploy-world.ts';
import { UsageError } from '../core/errors.ts';
import { deployLogFile } from '../core/install/layout.ts';
import { type StepResult, verdictOfPlan, verdictOfResults } from '../core/plan.ts';
import {
  afterFailure,
  type DeployRun,
  type DeployTarget,
  foreseeDeploy,
  runDeploy,
} from '../deploy/run-deploy.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { withHelp } from './help.ts';
import { configurationOfUnits } from './ops-install.ts';
import { answerPlan, describeStep } from './plan-answer.ts';
import type { GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

interface DeployCommandOptions extends GlobalOptions {
  readonly from?: string;
  readonly ref?: string;
  readonly apply?: boolean;
  readonly skipRestart?: boolean;
  readonly forceRestart?: boolean;
}

/** `deploy`, which is a command, and has one below it. */
export function addDeploy(deploy: Command, terminal: Terminal): void {
  withOptions(
    deploy
      .option('--from <source>', 'folder or address of a git repository: what is committed there')
      .option('--ref <ref>', 'branch, tag or whole commit name; default: what is checked out there (HEAD)'),
  ).action(async (_options, self: Command) => {
    const options = self.optsWithGlobals<DeployCommandOptions>();
    if (options.from === undefined)
      throw new UsageError('deploy needs --from: what is to be deployed.', 'healtharchive deploy --help');
    const { from, ref = 'HEAD' } = options;
    // A folder is meant from here; git would look for it from where it works.
    await carryOut({ from: existsSync(from) ? resolve(from) : from, ref }, options, terminal);
  });
  withHelp(deploy, {
    examples: [
      ['deploy --from /usr/local/src/healtharchive', 'what would be done'],
      ['deploy --from /usr/local/src/healtharchive --apply', 'build, check, migrate, switch, restart, prove'],
      [
        'deploy --from URL --ref v1.2.0 --apply --skip-restart',
        'the worker goes on as it is, whether it crawls or not',
      ],
    ],
    exits: ['configuration', 'refused', 'failed', 'attention'],
  });
  const rollback = withOptions(
    deploy
      .command('rollback')
      .description('put the release before in use again; the database stays as it is'),
  ).action(async (_options, self: Command) => {
    const options = self.optsWithGlobals<DeployCommandOptions>();
    if (options.from !== undefined || options.ref !== undefined)
      throw new UsageError('a rollback takes no --from and no --ref: it goes to the release before.');
    await carryOut('rollback', options, terminal);
  });
  withHelp(rollback, {
    examples: [
      ['deploy rollback', 'to which release it would go'],
      ['deploy rollback --apply', 'go there'],
    ],
    exits: ['configuration', 'refused', 'failed', 'attention'],
  });
}

function withOptions(command: Command): Command {
  return command
    .option('--apply', 'do it, as root')
    .option('--skip-restart', 'restart nothing: what runs goes on with the release it has')
    .option('--force-restart', 'restart the worker although jobs run: they go on with one attempt more')
    .option('--json', 'answer as JSON');
}

async function carryOut(
  target: DeployTarget,
  options: DeployCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const { apply = false, skipRestart = false, forceRestart = false } = options;
  if (skipRestart && forceRestart)
    throw new UsageError('--skip-restart and --force-restart exclude each other.');
  const configuration = configurationOfUnits(options, terminal);
  const restarts = { isRestartSkipped: skipRestart, isForced: forceRestart };
  if (!apply) {
    const { steps, refusals, reason } = await foreseeDeploy(configuration, target, restarts);
    const verdict = verdictOfPlan(steps, refusals);
    const planned = steps.map((step) => ({ step }));
    answerPlan({ mode: 'dry-run', verdict, reason, steps: planned, refusals }, options, terminal, {
      isHeld: steps.length > 0 && refusals.length > 0,
    });
    return;
  }
  const stop = new AbortController();
  const progress = progressOn(terminal, options.json === true);
  const onSignal = (): void => {
    progress.end();
    terminal.say('healtharchive: it stops; from the switch on it comes to its end first');
    stop.abort();
  };
  // The terminal may go away as well (SIGHUP): the switch must not be left half-way.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  let run: DeployRun;
  try {
    run = await runDeploy(configuration, target, restarts, { ...progress, signal: stop.signal });
  } finally {
    progress.end();
    for (const signal of signals) process.off(signal, onSignal);
  }
  const { results, refusals, reason } = run;
  const verdict = verdictOfResults(results, refusals);
  const page =
    verdict === 'failed' ? ['', `Failed: ${reason}.`, `What was said: ${deployLogFile}`] : undefined;
  answerPlan({ mode: 'apply', verdict, reason, steps: results, refusals }, options, terminal, {
    areStepsShown: true,
    ...(page === undefined ? {} : { page }),
  });
}

const tickMs = 1000;

/** Each step as it ends; and where somebody looks on, for how long the one at hand has been going on. */
function progressOn(terminal: Terminal, isJson: boolean) {
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearInterval(timer);
    timer = undefined;
    terminal.hint('');
  };
  return {
    end,
    onStart: ({ kind, because }: Pick<DeployStep, 'kind' | 'because'>) => {
      end();
      const beganMs = performance.now();
      const tick = (): void => {
        const seconds = Math.round((performance.now() - beganMs) / 1000);
        terminal.hint(escapeForTerminal(`${kind.padEnd(8)} ${seconds} s  ${because}`));
      };
      tick();
      timer = setInterval(tick, tickMs);
    },
    onEnd: (result: StepResult<DeployStep>) => {
      end();
      // After a failure the rest is no news; JSON has it.
      if (isJson || result.error === afterFailure) return;
      try {
        for (const line of describeStep(result)) terminal.answer(line);
      } catch {
        // Nobody reads it any more (a terminal that was closed); the deploy goes on all the same.
      }
    },
  };
}
