/**
 * The product as a person uses it: `bin/healtharchive` as a child process. Nothing of src/ is imported, so what the
 * demo shows is what the command line does.
 *
 * Every child runs in a session of its own, so that a Ctrl-C at the terminal reaches the demo alone and the demo ends
 * the others in order; and it gets TERM from the kernel when the demo is gone, however that came.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const program = join(import.meta.dirname, '../bin/healtharchive');
/** Longer than the worker gives a crawler that it stops for good. */
const END_TIMEOUT_MS = 15_000;

/** What the demo reads of a job's JSON. */
export interface Job {
  readonly id: number;
  readonly source: string;
  readonly name: string;
  readonly status: 'queued' | 'running' | 'retryable' | 'completed' | 'failed' | 'cancelled';
  readonly output_dir: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly last_error: string | null;
  readonly parked: { readonly reason: string; readonly detail?: string } | null;
  readonly progress: {
    readonly pages: number;
    readonly bytes: number;
    readonly current_url: string | null;
  } | null;
}

export interface Attempt {
  readonly number: number;
  readonly outcome: string | null;
  readonly because: string | null;
  readonly pages: number;
  readonly error_pages: number;
  readonly bytes: number;
}

/** A command that ended with a status nobody expected here. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

export class Product {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #running = new Set<ChildProcess>();

  /** @param configFile need not exist yet: `init` makes it */
  constructor(configFile: string) {
    this.#environment = { ...process.env, HEALTHARCHIVE_CONFIG: configFile };
    // The demo must never touch a database that somebody has for real.
    delete this.#environment['HEALTHARCHIVE_DATABASE_URL'];
  }

  /** Runs one command to its end and returns what it answered. */
  async run(...command: readonly string[]): Promise<string> {
    const child = this.#start(command, 'pipe', 'pipe');
    const [answer, complaint, status] = await Promise.all([
      child.stdout === null ? '' : text(child.stdout),
      child.stderr === null ? '' : text(child.stderr),
      statusOf(child),
    ]);
    if (status === 0) return answer;
    throw new CommandFailed(`healtharchive ${command.join(' ')} ended with status ${status}:\n${complaint}`);
  }

  async jobs(): Promise<Job[]> {
    return (JSON.parse(await this.run('jobs', 'list', '--json')) as { jobs: Job[] }).jobs;
  }

  async attempts(id: number): Promise<Attempt[]> {
    const shown = await this.run('jobs', 'show', String(id), '--json');
    return (JSON.parse(shown) as { attempt_list: Attempt[] }).attempt_list;
  }

  /** Starts the worker. Resolves to its exit status; its log goes to a file. */
  async runWorker(logFile: string, ...options: readonly string[]): Promise<number | null> {
    const log = await open(logFile, 'a');
    try {
      const command = ['worker', 'run', ...options];
      const child = this.#start(command, 'ignore', log.fd);
      return await statusOf(child);
    } finally {
      await log.close();
    }
  }

  /** All jobs, again and again, until all of them are over or the product is ended. */
  async *watch(intervalSeconds: number): AsyncGenerator<Job[]> {
    const command = ['jobs', 'watch', '--json', '--interval', String(intervalSeconds)];
    const child = this.#start(command, 'pipe', 'ignore');
    if (child.stdout === null) return;
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        yield (JSON.parse(line) as { jobs: Job[] }).jobs;
      }
    } finally {
      child.kill();
    }
  }

  /** Ends everything that still runs: asks first, and waits; what does not end by itself is killed. */
  async end(): Promise<void> {
    const children = [...this.#running];
    for (const child of children) child.kill('SIGTERM');
    const killer = setTimeout(() => {
      for (const child of children) child.kill('SIGKILL');
    }, END_TIMEOUT_MS);
    await Promise.all(children.map(statusOf));
    clearTimeout(killer);
  }

  #start(command: readonly string[], stdout: 'pipe' | 'ignore', stderr: 'pipe' | 'ignore' | number) {
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, ...command], {
      detached: true,
      env: this.#environment,
      stdio: ['ignore', stdout, stderr],
    });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }
}

async function statusOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}
