/**
 * What commands and the worker cost, and how that grows with the jobs:
 *
 *     node_modules/.bin/node bench/commands.ts [ROUNDS]        default 5
 *
 * `--help`, `jobs list` and `storage status` with few and with many jobs, waiting and over, beside the start of Node itself; jobs of one
 * page, four at a time; and what a worker takes of a core whose jobs are all parked. It needs nothing but a built program (`npm run build`).
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { Database } from '../src/store/database.ts';
import { migrate } from '../src/store/migrate.ts';
import { table, type Row } from './table.ts';

const rounds = Number(process.argv[2] ?? 5);
const program = fileURLToPath(new URL('../bin/healtharchive', import.meta.url));
const siteProgram = fileURLToPath(new URL('../lab/site.ts', import.meta.url));
const parkedSeconds = 60;
const pageJobs = 60;

/** What a job first ran on that is not there: a worker parks it. */
const goneMount = JSON.stringify({ kind: 'mount', fstype: 'fuse.sshfs', source: 'box:/', root: '/' });

interface Setup {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

interface Jobs {
  readonly waiting: number;
  readonly finished: number;
  readonly isParked?: boolean;
  readonly seed?: string;
}

async function setupWith({
  waiting,
  finished,
  isParked = false,
  seed = 'https://hc.example/',
}: Jobs): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-commands-'));
  for (const name of ['jobs', 'state']) mkdirSync(join(folder, name));
  const url = `sqlite:${folder}/healtharchive.db`;
  const database = new Database(url, { create: true });
  await migrate(database);
  await database.write(async (tx) => {
    await sql`insert into sources (code, name, seeds, wait_seconds, created_ms) values ('hc', 'HC', '[]', 0, 1)`.execute(
      tx,
    );
    await sql`insert into jobs (source_id, name, status, output_dir, seeds, queued_ms, created_ms, storage_identity)
      select 1, 'job-' || n, case when n <= ${sql.lit(finished)} then 'completed' else 'queued' end, ${sql.lit(folder)} || '/jobs/hc/' || n,
        ${sql.lit(JSON.stringify([seed]))}, n, n, ${isParked ? sql.lit(goneMount) : sql`null`}
      from (with recursive c(n) as (select 1 union all select n + 1 from c where n < ${sql.lit(waiting + finished)}) select n from c)`.execute(
      tx,
    );
  });
  await database.close();
  const config = join(folder, 'config.toml');
  writeFileSync(
    config,
    `[database]\nurl = "${url}"\n[paths]\njobs_root = "${folder}/jobs"\nstate_dir = "${folder}/state"\n[worker]\nuser = "root"\nconcurrency = 4\n`,
  );
  return { folder, environment: { ...process.env, HEALTHARCHIVE_CONFIG: config } };
}

function secondsOf(argv: readonly [string, ...string[]], env: NodeJS.ProcessEnv): number {
  const begin = performance.now();
  spawnSync(argv[0], argv.slice(1), { env, stdio: 'ignore' });
  return (performance.now() - begin) / 1000;
}

async function commands(): Promise<void> {
  const few = await setupWith({ waiting: 10, finished: 0 });
  const waiting = await setupWith({ waiting: 10_000, finished: 0 });
  const finished = await setupWith({ waiting: 1000, finished: 100_000 });
  const cases: readonly (readonly [string, readonly [string, ...string[]], Setup])[] = [
    ['node -e 0', [process.execPath, '-e', '0'], few],
    ['--help', [program, '--help'], few],
    ['jobs list, 10 jobs', [program, 'jobs', 'list'], few],
    ['jobs list, 101,000 jobs', [program, 'jobs', 'list'], finished],
    ['storage status, 10 waiting', [program, 'storage', 'status'], few],
    ['storage status, 10,000 waiting', [program, 'storage', 'status'], waiting],
    ['storage status, 1,000 waiting, 100,000 over', [program, 'storage', 'status'], finished],
  ];
  const rows: Row[] = cases.map(([what]) => ({ what, seconds: [] as number[] }));
  for (let round = 0; round <= rounds; round += 1)
    for (const [index, [, argv, { environment }]] of cases.entries()) {
      const seconds = secondsOf(argv, environment);
      if (round > 0) (rows[index]?.seconds as number[]).push(seconds);
    }
  console.log(table(rows).join('\n'));
  for (const { folder } of [few, waiting, finished]) rmSync(folder, { recursive: true });
}

async function pages(): Promise<void> {
  const site = spawn(process.execPath, [siteProgram, '--pages', '1', '--slow-ms', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(site.stdout, 'data')) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  const { folder, environment } = await setupWith({
    waiting: pageJobs,
    finished: 0,
    seed: new URL('/robots.txt', url).href,
  });
  const seconds = secondsOf([program, 'worker', 'run', '--drain'], environment);
  console.log(`\n${pageJobs} jobs of one page, 4 at a time: ${(pageJobs / seconds).toFixed(1)} jobs/s`);
  site.kill();
  rmSync(folder, { recursive: true });
}

/** User and system time of a process and of its children that are over, in clock ticks (proc_pid_stat(5)). */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
}

async function parked(): Promise<void> {
  const { folder, environment } = await setupWith({ waiting: 1000, finished: 0, isParked: true });
  const worker = spawn(program, ['worker', 'run'], { env: environment, stdio: 'ignore' });
  const { pid = 0 } = worker;
  // The first look parks them all.
  await sleep(20_000);
  const before = ticksOf(pid);
  await sleep(parkedSeconds * 1000);
  const percent = (ticksOf(pid) - before) / parkedSeconds;
  console.log(`worker with 1,000 parked jobs: ${percent.toFixed(2)} % of a core, over ${parkedSeconds} s`);
  worker.kill();
  await once(worker, 'exit');
  rmSync(folder, { recursive: true });
}

console.log(`${cpus().length} cores, ${cpus()[0]?.model ?? ''}; ${rounds} rounds\n`);
await commands();
await pages();
await parked();
