import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { attemptJson, eventJson, jobJson } from '../../src/cli/job-json.ts';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';

export const program = fileURLToPath(new URL('../../bin/healtharchive', import.meta.url));

export interface JobView {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly crawler_status: string | null;
  readonly retry_count: number;
  readonly attempts: number;
  readonly output_dir: string;
  readonly last_error: string | null;
  readonly infra_error_next_attempt_utc: string | null;
  readonly next_attempt_at: string | null;
  readonly parked: { readonly reason: string } | null;
  readonly progress: { readonly pages: number } | null;
  readonly attempt_list: readonly {
    readonly number: number;
    readonly outcome: string | null;
    readonly because: string | null;
    readonly pages: number;
    readonly worker: string;
    readonly started_at: string;
    readonly finished_at: string | null;
  }[];
  readonly events: readonly { readonly kind: string; readonly actor: string; readonly because: string }[];
}

/** A worker that a test started, and what it has written so far. */
export interface StartedWorker {
  readonly child: ChildProcess;
  readonly pid: number;
  output(): string;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** A local setup of the real program in a folder of its own; ended and removed with the test. */
export class Setup {
  readonly dir = mkdtempSync(join(tmpdir(), 'healtharchive-service-'));
  readonly #workers: StartedWorker[] = [];
  readonly #database = new Database(`sqlite:${join(this.dir, 'healtharchive.db')}`);

  /** @param settings TOML tables to replace or add: `{worker: 'poll_seconds = 0.2'}` */
  constructor(context: TestContext, settings: Readonly<Record<string, string>> = {}) {
    context.after(async () => {
      for (const worker of this.#workers) worker.child.kill('SIGKILL');
      await Promise.all(this.#workers.map((worker) => worker.ended));
      await waitFor('crawlers to end with their worker', () => this.#crawlers().length === 0, 20_000);
      await this.#database.close();
      rmSync(this.dir, { recursive: true, force: true });
    });
    this.cli('init', '--dir', this.dir);
    this.configure({ worker: 'poll_seconds = 0.2', ...settings });
  }

  /** Replaces whole tables of the configuration; keys of `[worker]` are added to the local ones. */
  configure(settings: Readonly<Record<string, string>>): void {
    let text = readFileSync(join(this.dir, 'config.toml'), 'utf8');
    for (const [table, body] of Object.entries(settings)) {
      text = text.replace(new RegExp(`\\n\\[${table}\\]\\n[^[]*`), '\n');
      text += `\n[${table}]\n${table === 'worker' && !body.includes('min_free') ? 'min_free_percent = 0\n' : ''}${body}\n`;
    }
    writeFileSync(join(this.dir, 'config.toml'), text);
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, HEALTHARCHIVE_CONFIG: join(this.dir, 'config.toml') };
  }

  cli(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(program, args, { env: this.environment, encoding: 'utf8', timeout: 60_000 });
  }

  /** Runs a command that must succeed and returns its JSON answer. */
  json(...args: string[]): unknown {
    const { status, stdout, stderr } = this.cli(...args, '--json');
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}: ${stderr}`);
    return JSON.parse(stdout);
  }

  addSource(code: string, ...seeds: string[]): void {
    this.json('sources', 'add', '--code', code, '--name', code, '--wait-seconds', '0', '--seed', ...seeds);
  }

  addJob(source: string, ...more: string[]): JobView {
    return this.json('jobs', 'add', '--source', source, ...more) as JobView;
  }

  /** What `jobs show --json` answers, read in this process: a poll must not cost a start of the program. */
  async job(id: number): Promise<JobView> {
    const store = new JobStore(this.#database);
    const job = await store.find(id);
    if (job === null) throw new Error(`there is no job ${id}`);
    const { attempts, events } = await store.history(id);
    const view = {
      ...jobJson(job, Date.now()),
      attempt_list: attempts.map(attemptJson),
      events: events.map(eventJson),
    };
    return view as unknown as JobView;
  }

  /** Starts `worker run`; `environment` is added to ours. */
  worker(args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): StartedWorker {
    const child = spawn(program, ['worker', 'run', ...args], {
      env: { ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        text += chunk;
      });
    }
    const ended = new Promise<number | string>((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
      });
    });
    const started = { child, pid: child.pid ?? 0, output: () => text, ended };
    this.#workers.push(started);
    return started;
  }

  async until(
    id: number,
    description: string,
    isSo: (job: JobView) => boolean,
    timeoutMs = 30_000,
  ): Promise<JobView> {
    let job = await this.job(id);
    await waitFor(
      `job ${id} ${description}`,
      async () => {
        job = await this.job(id);
        return isSo(job);
      },
      timeoutMs,
      () => `${JSON.stringify(job, null, 2)}\n${this.#workers.map((worker) => worker.output()).join('\n')}`,
    );
    return job;
  }

  /** Pids of processes that work inside this setup's folder, the workers themselves left out. */
  #crawlers(): string[] {
    const { stdout } = spawnSync('sh', ['-c', `grep -lsF -- "${this.dir}" /proc/[0-9]*/cmdline`], {
      encoding: 'utf8',
    });
    const own = String(process.pid);
    return stdout
      .split('\n')
      .map((line) => line.split('/')[2] ?? '')
      .filter((pid) => pid !== '' && pid !== own && isCrawler(pid));
  }
}

function isCrawler(pid: string): boolean {
  try {
    return /launcher|crawler/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until something is so; says what it waited for, and what it saw, when it never is. */
export async function waitFor(
  description: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs: number,
  lastSeen: () => string = () => '',
): Promise<void> {
  const giveUpAtMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAtMs)
      throw new Error(`waited ${timeoutMs} ms for ${description}\n${lastSeen()}`);
    await sleep(150);
  }
}

export function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}
