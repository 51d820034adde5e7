import { Command } from 'commander';
import { escapeForTerminal } from '../core/text/escape.ts';
import { addCampaignCommands } from './campaign-schedule.ts';
import { addCompletionCommand } from './completion.ts';
import { addDatabaseCommands } from './db.ts';
import { exitStatuses } from './exit-status.ts';
import { addInitCommand } from './init.ts';
import { addJobAdd } from './jobs-add.ts';
import { addJobChanges } from './jobs-change.ts';
import { addJobList } from './jobs-list.ts';
import { addJobLog } from './jobs-log.ts';
import { addRecoverStale } from './jobs-recover-stale.ts';
import { addJobShow } from './jobs-show.ts';
import { addJobWatch } from './jobs-watch.ts';
import { addMetricsCommands } from './metrics-write.ts';
import { addOpsEvidence } from './ops-evidence.ts';
import { addSourceCommands } from './sources.ts';
import { addStorageRecover } from './storage-recover.ts';
import { addStorageStatus } from './storage-status.ts';
import { addStorageTier } from './storage-tier.ts';
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

function addJobCommands(program: Command, terminal: Terminal): void {
  const jobs = program.command('jobs').description('crawls: add them, look at them, steer them');
  addJobAdd(jobs, terminal);
  addJobList(jobs, terminal);
  addJobShow(jobs, terminal);
  addJobLog(jobs, terminal);
  addJobWatch(jobs, terminal);
  addJobChanges(jobs, terminal);
  addRecoverStale(jobs, terminal);
}

function addStorageCommands(program: Command, terminal: Terminal): void {
  const storage = program.command('storage').description('the mounts that crawls write to');
  addStorageStatus(storage, terminal);
  addStorageTier(storage, terminal);
  addStorageRecover(storage, terminal);
}

function addOpsCommands(program: Command, terminal: Terminal): void {
  const ops = program.command('ops').description('running HealthArchive on a server');
  addOpsEvidence(ops, terminal);
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
