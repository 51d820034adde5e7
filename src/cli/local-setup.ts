import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfiguration } from '../config/load.ts';
import { OperatorError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { writeFileAtomically } from '../effects/small-file.ts';
import { ownUserName } from '../effects/user-ids.ts';
import { Database } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';

/** What `init` makes. */
export interface LocalSetup {
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
export async function initialise(dir: string): Promise<LocalSetup> {
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
