import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { escapeForTerminal } from '../core/text/escape.ts';
import { withHelp } from './help.ts';
import type { LocalSetup } from './local-setup.ts';
import type { GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

interface InitOptions extends GlobalOptions {
  readonly dir: string;
}

export function addInitCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('init')
    .description(
      'make a local setup without a storage box: everything inside one folder, no root, no systemd',
    )
    .requiredOption('--dir <dir>', 'the folder; it is made if need be', parseFolder)
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<InitOptions>();
      // Loaded by who means it, as the commands of groups are (program.ts).
      const { initialise } = await import('./local-setup.ts');
      const made = await initialise(resolve(options.dir));
      if (options.json === true) terminal.answerJson(made);
      else for (const line of nextSteps(made)) terminal.answer(line);
    });
  withHelp(command, {
    examples: [['init --dir ~/healtharchive', 'again: nothing is changed']],
    exits: ['configuration', 'failed'],
  });
}

/** An empty name, as of a shell variable that is not set, would mean the working directory. */
function parseFolder(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must be the name of a folder.');
  return text;
}

function nextSteps({ config, created }: LocalSetup): string[] {
  const shown = escapeForTerminal(config);
  const option = /^[A-Za-z0-9_./-]+$/.test(config) ? config : `'${config.replaceAll("'", "'\\''")}'`;
  return [
    created.length === 0 ? `${shown} is there already; nothing was changed.` : `Made a local setup: ${shown}`,
    '',
    'Try next:',
    `  export HEALTHARCHIVE_CONFIG=${escapeForTerminal(option)}`,
    '  healtharchive sources add --code example --name "An example" --seed https://example.org/',
    '  healtharchive jobs add --source example',
    '  healtharchive worker run --drain',
  ];
}
