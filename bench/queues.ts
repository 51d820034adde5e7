/**
 * What a job costs on PostgreSQL beside pg-boss and graphile-worker: to find the next of 10,000, to claim it, and to end it, one job after
 * another.
 *
 *     npm ci --prefix bench/peers
 *     node_modules/.bin/node bench/queues.ts [ROUNDS]        default 500
 *
 * pg-boss in turn with ours, on one server; graphile-worker, which has a loop of its own, after them. What is kept of a job differs: ours
 * writes an attempt and two lines of history that the others have not, under a lease.
 */
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import pg from 'pg';
import { JobStore } from '../src/store/job-store.ts';
import { postgresBinaries, PostgresCluster } from '../test/store/databases.ts';
import { testLease } from '../test/store/test-attempt.ts';
import { end, filled, policy, secondsOf } from './filled-store.ts';
import { table, type Row } from './table.ts';

/** What is used of pg-boss 12 and graphile-worker 0.18, which only those install who run this. */
interface PgBoss {
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
  createQueue(name: string): Promise<void>;
  insert(name: string, jobs: readonly { data: object }[]): Promise<unknown>;
  fetch(name: string): Promise<readonly { id: string }[]>;
  complete(name: string, id: string): Promise<unknown>;
}
interface PgBossModule {
  readonly PgBoss: new (options: object) => PgBoss;
}
interface GraphileWorkerModule {
  readonly Logger: new (factory: () => () => void) => object;
  runMigrations(options: object): Promise<void>;
  runOnce(options: object): Promise<void>;
}

const rounds = Number(process.argv[2] ?? 500);
/** Connections are opened and plans are made in the first rounds. */
const warmUp = 50;
const waiting = 10_000;

/** One attempt in parts: seconds of each. */
type Attempt = () => Promise<readonly number[]>;

async function ourAttempts(url: string): Promise<{ attempt: Attempt; close: () => Promise<void> }> {
  const database = await filled(url, waiting);
  const store = new JobStore(database);
  let round = 0;
  return {
    attempt: async () => {
      const token = `t${++round}`;
      let id = 0;
      const next = await secondsOf(async () => {
        id = (await store.next({ eligibleAtMs: Date.now(), limit: 1 }))[0]?.id ?? 0;
      });
      const claim = await secondsOf(
        async () => await store.claim(id, testLease(token), 'http', policy, Date.now()),
      );
      const finish = await secondsOf(async () => {
        if ((await store.finish(id, token, end, 'w', policy, Date.now())) === null)
          throw new Error(`job ${id}`);
      });
      return [next + claim, finish];
    },
    close: async () => {
      await database.close();
    },
  };
}

async function pgBossAttempts(
  { PgBoss }: PgBossModule,
  url: string,
): Promise<{ attempt: Attempt; close: () => Promise<void> }> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on('error', (error) => {
    console.error(error);
  });
  await boss.start();
  await boss.createQueue('crawls');
  await boss.insert(
    'crawls',
    Array.from({ length: waiting }, (_, job) => ({ data: { job } })),
  );
  await execute(url, 'analyze');
  return {
    attempt: async () => {
      let id = '';
      const fetch = await secondsOf(async () => {
        id = (await boss.fetch('crawls'))[0]?.id ?? '';
      });
      return [fetch, await secondsOf(async () => await boss.complete('crawls', id))];
    },
    close: async () => {
      await boss.stop({ graceful: false });
    },
  };
}

/** Seconds between the starts of two jobs that do nothing. */
async function graphileAttempts({ Logger, ...worker }: GraphileWorkerModule, url: string): Promise<number[]> {
  await worker.runMigrations({ connectionString: url, logger: new Logger(() => () => undefined) });
  await execute(
    url,
    `select graphile_worker.add_job('crawl') from generate_series(1, ${warmUp + rounds + 1}); analyze`,
  );
  const starts: number[] = [];
  await worker.runOnce({
    connectionString: url,
    concurrency: 1,
    logger: new Logger(() => () => undefined),
    taskList: { crawl: () => starts.push(performance.now()) },
  });
  return starts
    .slice(1)
    .map((start, index) => (start - (starts[index] ?? start)) / 1000)
    .slice(warmUp);
}

async function execute(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}

async function peer<Module>(name: string): Promise<Module> {
  const require = createRequire(new URL('peers/package.json', import.meta.url));
  try {
    return (await import(require.resolve(name))) as Module;
  } catch (error) {
    throw new Error(`${name} is not installed: npm ci --prefix bench/peers`, { cause: error });
  }
}

const boss = await peer<PgBossModule>('pg-boss');
const graphile = await peer<GraphileWorkerModule>('graphile-worker');
const binaries = postgresBinaries();
if (binaries === null)
  throw new Error('PostgreSQL server programs are not installed: apt install postgresql');
const cluster = new PostgresCluster(binaries);
try {
  await cluster.start();
  const urlOf = (name: string) => cluster.createDatabase(name);
  const theirs = await pgBossAttempts(boss, urlOf('boss'));
  const ours = await ourAttempts(urlOf('ours'));
  const parts = { theirs: [[], []] as number[][], ours: [[], []] as number[][] };
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (const [who, { attempt }] of [
      ['theirs', theirs],
      ['ours', ours],
    ] as const) {
      const seconds = await attempt();
      if (round >= warmUp) for (const [part, value] of seconds.entries()) parts[who][part]?.push(value);
    }
  }
  await theirs.close();
  await ours.close();
  const sums = ([first = [], second = []]: number[][]) =>
    first.map((value, index) => value + (second[index] ?? 0));
  const row = (what: string, seconds: number[] = []): Row => ({ what, seconds });
  console.log(
    `${cpus().length} cores, ${cpus()[0]?.model ?? ''}; ${rounds} rounds; PostgreSQL (fsync off)\n`,
  );
  console.log(
    table([
      row('pg-boss: fetch and complete', sums(parts.theirs)),
      row('job store: next, claim and finish', sums(parts.ours)),
      row('graphile-worker: job to job', await graphileAttempts(graphile, urlOf('graphile'))),
    ]).join('\n'),
  );
  console.log();
  console.log(
    table([
      row('pg-boss: fetch', parts.theirs[0]),
      row('job store: next and claim', parts.ours[0]),
      row('pg-boss: complete', parts.theirs[1]),
      row('job store: finish', parts.ours[1]),
    ]).join('\n'),
  );
} finally {
  await cluster.stop();
}
