import type { Command } from 'commander';
import { exitStatuses, type ExitStatusName } from './exit-status.ts';

/** What a command adds to its --help. */
export interface CommandHelp {
  /** Command lines without the program's name, each with a word on what it does. */
  readonly examples: readonly (readonly [line: string, comment: string])[];
  /** The statuses it ends with, beside 0 and 2. */
  readonly exits: readonly ExitStatusName[];
}

const helps = new WeakMap<Command, CommandHelp>();

/** What was added to the command's --help; undefined for one without. */
export function helpOf(command: Command): CommandHelp | undefined {
  return helps.get(command);
}

/** Appends the EXAMPLES and EXIT STATUS sections that every command has. */
export function withHelp(command: Command, help: CommandHelp): Command {
  helps.set(command, help);
  return command.addHelpText('after', () => `\n${examplesSection(help)}\n${exitStatusSection(help.exits)}`);
}

function examplesSection({ examples }: CommandHelp): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, comment]) => `  healtharchive ${line.padEnd(width)}  # ${comment}`);
  return ['EXAMPLES', ...lines, ''].join('\n');
}

function exitStatusSection(names: readonly ExitStatusName[]): string {
  const listed = [...new Set<ExitStatusName>(['done', 'usage', ...names])].map((name) => exitStatuses[name]);
  const lines = listed
    .sort((a, b) => a.code - b.code)
    .map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
  return ['EXIT STATUS', ...lines].join('\n');
}
