import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/cli/run.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';

/** The program as people call it. */
export const program = fileURLToPath(new URL('../../bin/healtharchive', import.meta.url));

/** How a command ended and what it said. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Variables = Readonly<Record<string, string>>;

/**
 * What would reach into a test from outside: a configuration, a service manager, the test runner, and what tells
 * Node.js how many colours a terminal has (tty.WriteStream.getColorDepth; with `CI` set it may say none).
 */
const fromOutside =
  /^(HEALTHARCHIVE_|NODE_|WATCHDOG_|SUDO_|(NOTIFY_SOCKET|JOURNAL_STREAM|CI|TF_BUILD|TEAMCITY_VERSION|AGENT_NAME|TMUX|NO_COLOR|FORCE_COLOR|COLORTERM|TERM_PROGRAM|COLUMNS|LINES)$)/;

/** Our environment without what would reach into a test. */
export function cleanEnvironment(more: Variables = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !fromOutside.test(name));
  return { ...Object.fromEntries(kept), ...more };
}

/** Runs a program to its end; one that takes longer than a minute is killed. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly env?: Variables; readonly cwd?: string } = {},
): Promise<Outcome> {
  const child = spawn(command, args, {
    cwd: options.cwd ?? '/',
    env: cleanEnvironment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { status, ...output };
}

/** Runs bin/healtharchive. */
export async function healtharchive(args: readonly string[], env: Variables = {}): Promise<Outcome> {
  return await runProgram(program, args, { env });
}

/** Runs a command line inside this process: the same code from the first argument to the exit status, many times faster. */
export async function inProcess(
  args: readonly string[],
  env: Variables = {},
  screen: Partial<Pick<Terminal, 'isInteractive' | 'hasColours' | 'columns' | 'rows'>> = {},
): Promise<Outcome> {
  const output = { stdout: '', stderr: '' };
  const terminal: Terminal = {
    environment: env,
    isInteractive: false,
    hasColours: false,
    ...screen,
    isClosed: () => false,
    hint: () => undefined,
    exitStatus: 'done',
    answer: (line) => {
      output.stdout += `${line}\n`;
    },
    answerJson: (document) => {
      output.stdout += `${JSON.stringify(document)}\n`;
    },
    say: (line) => {
      output.stderr += `${line}\n`;
    },
  };
  const status = await run(args, terminal, '0.0.0');
  return { status, ...output };
}

/** A test, or (`{ after }` of node:test) the suite around it: what a setup lives as long as. */
export interface Owner {
  after(cleanUp: () => void): void;
}

/** A folder that goes away with its owner. */
export function temporaryFolder(t: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-cli-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** What `init` makes, with source `hc`; and its program, which reads that configuration. */
export class LocalSetup {
  readonly dir: string;
  readonly config: string;

  constructor(dir: string) {
    this.dir = dir;
    this.config = join(dir, 'config.toml');
  }

  get environment(): Variables {
    return { HEALTHARCHIVE_CONFIG: this.config };
  }

  get jobsRoot(): string {
    return join(this.dir, 'jobs');
  }

  /** Makes it. */
  async initialise(): Promise<void> {
    await this.ask('init', '--dir', this.dir);
    await this.ask(
      'sources',
      'add',
      '--code',
      'hc',
      '--name',
      'Health Canada',
      '--seed',
      'https://hc.example/',
    );
  }

  /** The real program. */
  async spawn(...args: string[]): Promise<Outcome> {
    return await healtharchive(args, this.environment);
  }

  /** The same inside this process. */
  async run(...args: string[]): Promise<Outcome> {
    return await inProcess(args, this.environment);
  }

  /** Runs a command that must succeed, with --json; returns its answer. */
  async ask(...args: string[]): Promise<Record<string, unknown>> {
    const { status, stdout, stderr } = await this.run(...args, '--json');
    if (status !== 0 && status !== 3)
      throw new Error(`${args.join(' ')}: status ${String(status)}: ${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** Every row of every table, as one text. */
  databaseContent(): string {
    const database = new DatabaseSync(join(this.dir, 'healtharchive.db'), { readOnly: true });
    try {
      const tables = database
        .prepare("select name from sqlite_master where type = 'table' order by name")
        .all()
        .map((row) => String(row['name']));
      return JSON.stringify(
        tables.map((table) => [table, database.prepare(`select * from "${table}"`).all()]),
        null,
        1,
      );
    } finally {
      database.close();
    }
  }

  /** Works on the job store, as a worker would. */
  async withStore<T>(work: (jobs: JobStore, database: Database) => Promise<T>): Promise<T> {
    const database = new Database(`sqlite:${join(this.dir, 'healtharchive.db')}`);
    try {
      return await work(new JobStore(database), database);
    } finally {
      await database.close();
    }
  }
}

/** A fresh setup, gone after the test. */
export async function localSetup(t: Owner, name = 'setup'): Promise<LocalSetup> {
  const setup = new LocalSetup(join(temporaryFolder(t), name));
  await setup.initialise();
  return setup;
}

/** Each file below a folder with a checksum of its content, its mode and its time; the write-ahead log apart, which comes and goes. */
export function treeOf(folder: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (/-(wal|shm)$/.test(entry.name)) continue;
    const path = join(folder, entry.name);
    const { mode, mtimeMs } = lstatSync(path);
    const content = entry.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
    tree[path] = `${mode.toString(8)} ${entry.isDirectory() ? '' : mtimeMs} ${content}`;
    if (entry.isDirectory()) Object.assign(tree, treeOf(path));
  }
  return tree;
}

/** True when a text can be printed to a terminal: lines of it, and no other control or bidirectional characters. */
export function isHarmless(text: string): boolean {
  return !/[\p{Cc}\p{Bidi_Control}\p{Cs}]/u.test(text.replaceAll('\n', ''));
}
