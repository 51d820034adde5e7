import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { loadConfiguration } from '../config/load.ts';
import { OperatorError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { writeFileAtomically } from '../effects/small-file.ts';
import { ownUserName } from '../effects/user-ids.ts';
import { Database } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { withHelp } from './help.ts';
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

interface LocalSetup {
  readonly config: string;
  /** What was made now; empty when everything was there. */
  readonly created: readonly string[];
}

/** Whoever may open a lock file may hold the worker's identity: the state is its owner's alone. */
const folders: readonly { readonly name: string; readonly mode: number }[] = [
  ...['', 'jobs'].map((name) => ({ name, mode: 0o777 })),
  ...['ops', 'ops/locks', 'ops/attempts'].map((name) => ({ name, mode: 0o700 })),
  ...['sentinels', 'metrics', 'run'].map((name) => ({ name, mode: 0o777 })),
];

/** Makes what is missing and changes nothing that is there. */
async function initialise(dir: string): Promise<LocalSetup> {
  const created: string[] = [];
  for (const { name, mode } of folders) {
    const folder = join(dir, name);
    if (existsSync(folder)) continue;
    makeFolder(folder, mode);
    created.push(folder);
  }
  const config = join(dir, 'config.toml');
  if (!existsSync(config)) {
    writeFileAtomically(config, localConfiguration(dir), 0o600);
    created.push(config);
  }
  // The file may be a person's by now: what it says counts, not what we would write.
  const { database: settings } = loadConfiguration(config, {});
  makePrivate(settings.url);
  const database = new Database(settings.url, { create: true });
  try {
    const applied = await migrate(database);
    if (applied.length > 0) created.push(settings.url);
  } finally {
    await database.close();
  }
  return { config, created };
}

/** With those above it, one at a time: Node's own `recursive` turns round for ever where nothing can be made, as below /proc. */
function makeFolder(folder: string, mode: number): void {
  const parent = dirname(folder);
  if (!existsSync(parent) && parent !== folder) makeFolder(parent, 0o777);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    throw new OperatorError(`${escapeForTerminal(folder)} can't be made: ${(error as Error).message}.`);
  }
}

/** Makes the empty file of a SQLite database that is not there yet, for its owner alone; SQLite's own files take its mode. */
function makePrivate(url: string): void {
  if (!url.startsWith('sqlite:')) return;
  try {
    closeSync(openSync(url.slice('sqlite:'.length), 'ax', 0o600));
  } catch {
    // It is there, or can't be made: opening the database tells which.
  }
}

/** TOML basic strings take the escapes of JSON, and want one for DEL too. */
const quoted = (text: string) => JSON.stringify(text).replaceAll('\u007f', '\\u007f');

function localConfiguration(dir: string): string {
  const inside = (name: string) => quoted(join(dir, name));
  return `# A local setup without a storage box. Every key is explained in docs/configuration.md.

[database]
url = ${quoted(`sqlite:${join(dir, 'healtharchive.db')}`)}

[paths]
jobs_root = ${inside('jobs')}
state_dir = ${inside('ops')}
sentinel_dir = ${inside('sentinels')}
textfile_dir = ${inside('metrics')}
deploy_lock = ${inside('run/deploy.lock')}

[storagebox]
mount = ""        # none: output directories are plain local folders
cold_root = ""

[tiering]
manifest = ${inside('warc-tiering.binds')}

[worker]
${userLine(ownUserName())}min_free_percent = 2   # a workstation's disk is fuller than a server's, whose default is 15
`;
}

/** A user without a name, as in many containers, can't be named. */
function userLine(name: string): string {
  return name.startsWith('uid ') ? '' : `user = ${quoted(name)}   # whose the crawls and their files are\n`;
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
