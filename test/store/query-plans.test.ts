/** No statement that is carried out in a loop may read all jobs, or sort them: held against a hundred thousand on both databases. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { sql, type CompiledQuery } from 'kysely';
import pg from 'pg';
import { preparedName } from '../../src/store/compiled.ts';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { describeOnBothDatabases, type TestDatabase } from './databases.ts';
import { infraError, testLease } from './test-attempt.ts';

const rows = 100_000;
const t0 = Date.parse('2026-03-01T12:00:00Z');
const policy = { maxRetries: 2, backoffMs: 1000, infraCooldownMs: 1000 };

/** One in ten waits, a fifth of these after an attempt; the others are over. All have had an attempt. */
async function fill({ database }: TestDatabase): Promise<void> {
  const numbers =
    database.kind === 'postgres'
      ? sql`select n from generate_series(1, ${sql.lit(rows)}) as n`
      : sql`with recursive c(n) as (select 1 union all select n + 1 from c where n < ${sql.lit(rows)}) select n from c`;
  await database.write(async (tx) => {
    await sql`insert into sources (code, name, seeds, wait_seconds, created_ms) values ('hc', 'HC', '[]', 0, 1)`.execute(
      tx,
    );
    await sql`insert into jobs (source_id, name, status, output_dir, seeds, queued_ms, created_ms, attempts, infra_retry_ms, infra_retry_length_ms)
      select 1, 'job-' || n, case when n % 10 > 0 then 'completed' when n % 50 = 0 then 'retryable' else 'queued' end,
        '/srv/jobs/hc/' || n, '[]', n, n, 1, case when n % 50 = 0 then n end, case when n % 50 = 0 then 1000 end
      from (${numbers}) as numbers`.execute(tx);
    await sql`insert into attempts (job_id, number, worker, host, crawler, started_ms, finished_ms, outcome, bytes)
      select id, 1, 'w', 'h', 'http', id, id, case when id % 7 = 0 then 'infra_error' else 'success' end, 5 from jobs`.execute(
      tx,
    );
    await sql`insert into job_events (job_id, at_ms, actor, kind, because) select id, 1, 'x', 'added', '' from jobs`.execute(
      tx,
    );
  });
  await database.read(async (db) => await sql`analyze`.execute(db));
}

/** Everything that a worker, recovery or a person does again and again. */
const loops: Readonly<Record<string, (jobs: JobStore) => Promise<unknown>>> = {
  'the next job': async (jobs) => await jobs.next({ eligibleAtMs: t0, limit: 1 }),
  'a page of waiting jobs': async (jobs) => await jobs.next({ eligibleAtMs: t0, limit: 50, offset: 50 }),
  'the next ones, in cooldown too': async (jobs) => await jobs.next({ limit: 10 }),
  'jobs whose paths are needed': async (jobs) => await jobs.needed(2026),
  'archives at many paths': async (jobs) => {
    const paths = Array.from({ length: 1000 }, (_, index) => `/srv/jobs/hc/${index}`);
    assert.equal((await jobs.attemptedAt(paths)).size, 999);
  },
  'jobs that run': async (jobs) => await jobs.list({ statuses: ['running'] }),
  'the newest of a source': async (jobs) => await jobs.list({ source: 'hc', limit: 50 }),
  'the newest': async (jobs) => await jobs.list({ limit: 50 }),
  'one job': async (jobs) => [await jobs.find(10), await jobs.history(10)],
  'an attempt': async (jobs) => {
    assert.equal((await jobs.claim(10, testLease('t'), 'http', policy, t0))?.attempts, 2);
    await jobs.renew(10, testLease('t'), null);
    assert.equal((await jobs.finish(10, 't', infraError, 'w', policy, t0))?.status, 'retryable');
    assert.equal(await jobs.release(10, 2, 'it is well', 'recovery', t0), true);
  },
  'parking and unparking': async (jobs) => {
    assert.equal(await jobs.park(20, { reason: 'dead', detail: '' }, 'w', t0), true);
    assert.equal(await jobs.park(20, null, 'w', t0), true);
  },
  'adding a job': async (jobs) => {
    const job = { source: 'hc', seeds: [], campaignKind: null, campaignYear: null };
    await jobs.add({ ...job, name: 'new', outputDir: '/srv/jobs/hc/new/deep' }, 'x', t0);
    await assert.rejects(
      jobs.add({ ...job, name: 'other', outputDir: '/srv/jobs/hc/10' }, 'x', t0),
      /writes to/,
    );
  },
  'a person’s wishes': async (jobs) => {
    await jobs.command(30, 'cancel', 'x', policy, t0);
    await jobs.command(30, 'retry', 'x', policy, t0);
  },
  'deadlines after the clock was stepped': async (jobs) => {
    await jobs.cutDeadlines(t0);
  },
  'what has changed': async (jobs) => {
    assert.ok((await jobs.latestEvent()) >= rows);
    assert.equal(await jobs.nextDeadline(rows - 60), rows - 50);
  },
  'infra errors of the last minutes': async (jobs) => await jobs.countInfraErrors(rows - 100),
};

const tables = ['jobs', 'attempts', 'job_events'];

/** The lines of EXPLAIN QUERY PLAN (https://www.sqlite.org/eqp.html). */
function sqlitePlan(file: string, { sql: text, parameters }: CompiledQuery): string[] {
  const database = new DatabaseSync(file);
  try {
    return database
      .prepare(`explain query plan ${text}`)
      .all(...(parameters as never[]))
      .map((row) => String(row['detail']));
  } finally {
    database.close();
  }
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Plan Rows': number;
  readonly Plans?: readonly PlanNode[];
}

/** Its plan for these values; and of a statement that is kept prepared, that for whatever values (PREPARE, notes). */
async function postgresPlans(url: string, { sql: text, parameters }: CompiledQuery): Promise<PlanNode[][]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const explained = async (statement: string, values: unknown[] = []): Promise<PlanNode[]> => {
      const result = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
        `explain (format json) ${statement}`,
        values,
      );
      const nodes: PlanNode[] = [];
      const walk = (node: PlanNode): void => {
        nodes.push(node);
        node.Plans?.forEach(walk);
      };
      for (const { Plan } of result.rows[0]?.['QUERY PLAN'] ?? []) walk(Plan);
      return nodes;
    };
    const plans = [await explained(text, [...parameters])];
    if (preparedName(text) !== undefined) {
      await client.query(`prepare statement as ${text}; set plan_cache_mode = force_generic_plan`);
      const values = parameters.map((value) =>
        value === null ? 'null' : pg.escapeLiteral(String(value as string | number)),
      );
      plans.push(await explained(`execute statement${values.length === 0 ? '' : `(${values.join(', ')})`}`));
    }
    return plans;
  } finally {
    await client.end();
  }
}

const isPlanned = ({ sql: text }: CompiledQuery): boolean =>
  /^(select|update|with|delete)/.test(text) && !text.includes('pg_advisory');

describeOnBothDatabases('statements in loops', (fresh) => {
  let test100k: TestDatabase;
  before(async () => {
    test100k = await fresh();
    await fill(test100k);
  });

  for (const [name, act] of Object.entries(loops))
    test(name, async () => {
      const statements: CompiledQuery[] = [];
      const { url } = test100k;
      const database = new Database(url, {
        onStatement: (statement) => {
          statements.push(statement);
        },
      });
      await act(new JobStore(database));
      await database.close();
      const planned = statements.filter(isPlanned);
      assert.ok(planned.length > 0);
      for (const statement of planned) {
        if (database.kind === 'sqlite') {
          const plan = sqlitePlan(url.slice('sqlite:'.length), statement);
          const said = `${statement.sql}\n${plan.join('\n')}`;
          // The newest are the last ones: it goes along the ids from their end, and stops.
          const isAlongTheIds = name.startsWith('the newest');
          const scans = plan.filter((line) => tables.some((table) => line.startsWith(`SCAN ${table}`)));
          assert.ok(scans.length === 0 || isAlongTheIds, said);
          assert.ok(plan.filter((line) => line.includes('TEMP B-TREE')).length <= 1, said);
        } else {
          for (const plan of await postgresPlans(url, statement)) {
            const said = `${statement.sql}\n${JSON.stringify(plan, null, 1)}`;
            const scans = plan.filter(
              (node) => node['Node Type'] === 'Seq Scan' && tables.includes(node['Relation Name'] ?? ''),
            );
            assert.deepEqual(scans, [], said);
            const sorts = plan.filter((node) => node['Node Type'] === 'Sort' && node['Plan Rows'] > 1000);
            assert.deepEqual(sorts, [], said);
          }
        }
      }
    });
});
