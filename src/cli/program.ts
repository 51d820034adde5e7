import { Command } from 'commander';
import { escapeForTerminal } from '../core/text/escape.ts';
import { addCompletionCommand } from './completion.ts';
import { exitStatuses } from './exit-status.ts';
import { addInitCommand } from './init.ts';
import type { Terminal } from './terminal.ts';

/** Commands that belong together. */
const groups = {
  db: 'the database',
  sources: 'the public bodies whose sites are archived',
  jobs: 'crawls: add them, look at them, steer them',
  campaign: 'annual campaigns: one job a source and year',
  worker: 'the worker: runs the crawls',
  storage: 'the mounts that crawls write to',
  metrics: 'what Prometheus is told, by files for node_exporter',
  ops: 'running HealthArchive on a server',
  deploy: 'put another release of the program in use: shows what would be done, does it with --apply',
} as const;

export type GroupName = keyof typeof groups;

/**
 * The command line. Commander's own words go through the terminal; it never ends the process.
 * @param words of the command line that is meant: groups that it does not name stay without their commands. Without it, all are there
 */
export async function createProgram(
  terminal: Terminal,
  version: string,
  words?: readonly string[],
): Promise<Command> {
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
  const areAllMeant = words === undefined || words.includes('completion');
  for (const [name, description] of Object.entries(groups) as [GroupName, string][]) {
    const group = program.command(name).description(description);
    if (!areAllMeant && !words.includes(name)) continue;
    // Only now: all that is behind the commands takes longer to load than a page of help to read.
    const { commandsOf } = await import('./commands.ts');
    for (const add of commandsOf[name]) add(group, terminal);
  }
  addCompletionCommand(program, terminal);
  throughTerminal(program, terminal);
  // The same page whether a group was loaded or not: which options it has itself is known only then.
  program.configureHelp({ subcommandTerm: (command) => command.name() });
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
