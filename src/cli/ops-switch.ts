import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { type AutomationName, automationNamed, automations } from '../core/automations.ts';
import { OperatorError, RefusedError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { hasSentinel } from '../effects/automation-gates.ts';
import { must } from '../effects/command.ts';
import { syncFolder, writeFileAtomically } from '../effects/small-file.ts';
import { withHelp } from './help.ts';
import { type GlobalOptions, operatorName, readConfiguration } from './session.ts';
import { forecastRecovery } from './storage-recover.ts';
import type { Terminal } from './terminal.ts';
import { forecastAutoStart } from './worker-auto-start.ts';

const names = Object.values(automations).map(({ shortName }) => shortName);

export function addOpsSwitch(ops: Command, terminal: Terminal): void {
  const enable = ops
    .command('enable')
    .description('switch an automation on: shows what it would do now, and what it will do from now on')
    .argument('<name>', names.join(' or '), parseAutomation)
    .option('--json', 'answer as JSON')
    .action(async (name: AutomationName, _options, self: Command) => {
      await switchOn(name, self.optsWithGlobals<GlobalOptions>(), terminal);
    });
  withHelp(enable, {
    examples: [
      ['ops enable recovery', 'dead and missing mounts are mended by themselves'],
      ['ops enable auto-start', 'a worker that is down is started by itself'],
    ],
    exits: ['configuration', 'refused', 'failed'],
  });
  const disable = ops
    .command('disable')
    .description('switch an automation off: it goes on looking, and changes nothing')
    .argument('<name>', names.join(' or '), parseAutomation)
    .option('--json', 'answer as JSON')
    .action((name: AutomationName, _options, self: Command) => {
      switchOff(name, self.optsWithGlobals<GlobalOptions>(), terminal);
    });
  withHelp(disable, {
    examples: [['ops disable recovery', 'broken mounts are told of, and left']],
    exits: ['configuration', 'refused', 'failed'],
  });
}

function parseAutomation(word: string): AutomationName {
  const name = automationNamed(word);
  if (name === null) throw new InvalidArgumentError(`It must be ${names.join(' or ')}.`);
  return name;
}

function refuseWithoutRoot(): void {
  if (process.geteuid?.() !== 0) throw new RefusedError('only root can switch automations on and off.');
}

async function switchOn(name: AutomationName, options: GlobalOptions, terminal: Terminal): Promise<void> {
  const configuration = readConfiguration(options, terminal);
  const { shortName, sentinel, units, does } = automations[name];
  let dryRun: unknown = null;
  const forecast = name === 'worker-auto-start' ? forecastAutoStart : forecastRecovery;
  if (options.json !== true) terminal.answer(`What ${shortName} would do now:\n`);
  // How the dry run ends is not how this command ends.
  await forecast(configuration, options, {
    ...terminal,
    answer: (line) => {
      terminal.answer(`  ${line}`);
    },
    answerJson: (document) => {
      dryRun = document;
    },
  });
  refuseWithoutRoot();
  const folder = configuration.paths.sentinel_dir;
  const path = join(folder, sentinel);
  const wasOn = hasSentinel(folder, sentinel);
  if (!wasOn) refuseWhatIsInTheWay(path);
  // What only looks comes first, the switch last: where one of them can't be started, nothing is on.
  await must(['systemctl', 'enable', '--now', '--quiet', '--', ...units]);
  if (!wasOn) {
    const who = operatorName(terminal.environment);
    writeFileAtomically(path, `Switched on by ${who}, ${new Date().toISOString()}\n`);
  }
  if (options.json === true) {
    terminal.answerJson({ name, enabled: true, changed: !wasOn, sentinel: path, units, dry_run: dryRun });
    return;
  }
  terminal.answer(`\nOn from now on: ${shortName} ${does}.`);
  terminal.answer(`Off again: healtharchive ops disable ${shortName}`);
}

function refuseWhatIsInTheWay(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats !== undefined)
    throw new OperatorError(
      `${escapeForTerminal(path)} is there, but no plain file: it switches nothing on.`,
      'look what it is, and move it away',
    );
}

function switchOff(name: AutomationName, options: GlobalOptions, terminal: Terminal): void {
  const configuration = readConfiguration(options, terminal);
  refuseWithoutRoot();
  const { shortName, sentinel } = automations[name];
  const folder = configuration.paths.sentinel_dir;
  const path = join(folder, sentinel);
  const wasOn = hasSentinel(folder, sentinel);
  if (wasOn) {
    rmSync(path);
    syncFolder(folder);
  }
  if (options.json === true) {
    terminal.answerJson({ name, enabled: false, changed: wasOn, sentinel: path });
    return;
  }
  terminal.answer(
    wasOn
      ? `Off: ${shortName} goes on looking, and changes nothing. A run that is at work may still come to its end.`
      : `${shortName} was off already.`,
  );
}
