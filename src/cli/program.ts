import { Command } from 'commander';
import { escapeForTerminal } from '../core/text/escape.ts';
import { addCampaignCommands } from './campaign-schedule.ts';
import { addCompletionCommand } from './completion.ts';
import { addDatabaseCommands } from './db.ts';
import { exitStatuses } from './exit-status.ts';
import { addInitCommand } from './init.ts';
import { addJobCommands } from './jobs.ts';
import { addMetricsCommands } from './metrics-write.ts';
import { addOpsCommands } from './ops.ts';
import { addSourceCommands } from './sources.ts';
import { addStorageCommands } from './storage.ts';
import type { Terminal } from './terminal.ts';
import { addWorkerCommands } from './worker-run.ts';

/** The whole command line. Commander's own words go through the terminal; it never ends the process. */
export function createProgram(terminal: Terminal, version: string): Command {
  const program = new Command('healtharchive')
    .description(
      'Runs long crawl jobs whose archive lives on network storage, and keeps them moving when that storage breaks.',
    )
    .option(
      '--config <file>',
      'configuration file (default: $HEALTHARCHIVE_CONFIG, else /etc/healtharchive/config.toml)',
    )
    .version(version)
    .showHelpAfterError('(add --help for the options and examples)')
    .addHelpText('after', helpForAll);
  addInitCommand(program, terminal);
  addDatabaseCommands(program, terminal);
  addSourceCommands(program, terminal);
  addJobCommands(program, terminal);
  addCampaignCommands(program, terminal);
  addWorkerCommands(program, terminal);
  addStorageCommands(program, terminal);
  addMetricsCommands(program, terminal);
  addOpsCommands(program, terminal);
  addCompletionCommand(program, terminal);
  throughTerminal(program, terminal);
  return program;
}

function throughTerminal(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      terminal.answer(text.replace(/\n$/, ''));
    },
    writeErr: (text) => {
      // It repeats words of the command line, which may hold anything.
      for (const line of text.replace(/\n$/, '').split('\n')) terminal.say(escapeForTerminal(line));
    },
  });
  for (const sub of command.commands) throughTerminal(sub, terminal);
}

function helpForAll(): string {
  const statuses = Object.values(exitStatuses).map(
    ({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`,
  );
  return `
EXAMPLES
  healtharchive init --dir ~/healtharchive    # a local setup to try it out
  healtharchive jobs list                     # how the crawls stand
  healtharchive COMMAND --help                # everything about a command

EXIT STATUS, in order of precedence
${statuses.join('\n')}
`;
}
