/**
 * `jobs recover-stale --host-is-gone` on PostgreSQL: a person vouches for a host, and the clock of the database server
 * says whether its worker still renews the lease. No host's boot clock and no wall clock has a say.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Lease } from '../../src/core/jobs/lease.ts';
import { bootClockMs, thisHost } from '../../src/effects/host.ts';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { migrate } from '../../src/store/migrate.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { postgresBinaries, PostgresCluster } from '../store/databases.ts';
import { inProcess, temporaryFolder } from './setup.ts';

const hourMs = 3_600_000;
const policy = { maxRetries: 3, backoffMs: 1000, infraCooldownMs: 1000 };

interface Answer {
  readonly verdict: string;
  readonly steps: readonly { readonly job_id: number; readonly outcome?: string }[];
  readonly refusals: readonly { readonly job_id: number; readonly code: string }[];
}

/** A database with source `hc`, and the command line that works on it. */
class Site {
  readonly database: Database;
  readonly store: JobStore;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(t: TestContext, url: string) {
    this.database = new Database(url, { create: true });
    this.store = new JobStore(this.database);
    t.after(() => this.database.close());
    const folder = temporaryFolder(t);
    const config = join(folder, 'config.toml');
    const paths = `jobs_root = "${folder}/jobs"\nstate_dir = "${folder}/ops"`;
    writeFileSync(
      config,
      `[database]\nurl = "${url}"\n[paths]\n${paths}\n[storagebox]\nmount = ""\ncold_root = ""\n`,
    );
    this.#environment = { HEALTHARCHIVE_CONFIG: config };
  }

  async initialise(): Promise<void> {
    await migrate(this.database);
    const seeds = ['https://hc.example/'];
    await new SourceStore(this.database).add({ code: 'hc', name: 'hc', seeds, waitSeconds: 0 }, 1);
  }

  /** A job that a worker of another host crawls, whose lease runs out so long from now by the server's clock. */
  async jobOf(host: string, leftMs: number, more: Partial<Lease> = {}): Promise<number> {
    const name = `${host} ${leftMs}`;
    const place = { source: 'hc', name, outputDir: `/jobs/${encodeURIComponent(name)}` };
    const job = await this.store.add(
      { ...place, seeds: [], campaignKind: null, campaignYear: null },
      'tester',
      Date.now(),
    );
    const lease = {
      worker: host,
      host,
      machineId: `machine of ${host}`,
      bootId: 'another boot',
      renewedBootMs: 0,
      lengthMs: 60_000,
      expiresAtServerMs: ((await this.database.serverNowMs()) ?? 0) + leftMs,
      token: `token of ${name}`,
      ...more,
    };
    assert.ok((await this.store.claim(job.id, lease, 'http', policy, Date.now())) !== null);
    return job.id;
  }

  async recoverStale(...args: string[]): Promise<{ status: number | null; answer: Answer }> {
    const outcome = await inProcess(['jobs', 'recover-stale', ...args, '--json'], this.#environment);
    assert.notEqual(outcome.stdout, '', outcome.stderr);
    return { status: outcome.status, answer: JSON.parse(outcome.stdout) as Answer };
  }

  async status(id: number): Promise<string | undefined> {
    return (await this.store.find(id))?.status;
  }

  /** Every row of every table that a command could change, as one text. */
  async content(): Promise<string> {
    return await this.database.read(async (db) =>
      JSON.stringify([
        await db.selectFrom('jobs').selectAll().orderBy('id').execute(),
        await db.selectFrom('attempts').selectAll().orderBy('job_id').orderBy('number').execute(),
        await db.selectFrom('job_events').selectAll().orderBy('id').execute(),
      ]),
    );
  }
}

const binaries = postgresBinaries();
const isRequired = process.env['HEALTHARCHIVE_TEST_SKIP_NOTHING'] === '1';
const skip = binaries === null && !isRequired ? 'PostgreSQL server programs are not installed' : false;

describe('jobs recover-stale --host-is-gone (PostgreSQL)', { skip }, () => {
  const cluster = new PostgresCluster(binaries ?? '');
  let count = 0;
  before(async () => {
    await cluster.start();
  });
  after(async () => {
    await cluster.stop();
  });

  async function site(t: TestContext): Promise<Site> {
    const name = `recover_${++count}`;
    cluster.createDatabase(name);
    const made = new Site(t, cluster.url(name));
    await made.initialise();
    return made;
  }

  test('a lease that is still renewed is respected, whoever vouches for the host', async (t) => {
    const at = await site(t);
    const id = await at.jobOf('far', 60_000);
    const before = await at.content();
    const { status, answer } = await at.recoverStale('--host-is-gone', 'far', '--apply');
    assert.deepEqual([status, answer.verdict, answer.steps], [0, 'nothing_to_do', []]);
    assert.deepEqual([answer.refusals[0]?.job_id, answer.refusals[0]?.code], [id, 'lease_alive']);
    assert.equal(await at.content(), before);
  });

  test('a lease that has run out: the plan changes nothing, --apply gives the job back, and once is enough', async (t) => {
    const at = await site(t);
    const id = await at.jobOf('far', -1);
    const before = await at.content();
    const plan = await at.recoverStale('--host-is-gone', 'far');
    assert.deepEqual([plan.status, plan.answer.verdict], [3, 'planned']);
    assert.deepEqual(
      plan.answer.steps.map((step) => [step.job_id, step.outcome]),
      [[id, undefined]],
    );
    assert.equal(await at.content(), before);

    const done = await at.recoverStale('--host-is-gone', 'far', '--apply');
    assert.deepEqual([done.status, done.answer.verdict], [0, 'done']);
    assert.equal(done.answer.steps[0]?.outcome, 'interrupted');
    const job = await at.store.find(id);
    assert.deepEqual([job?.status, job?.lease, job?.retryCount], ['retryable', null, 0]);
    assert.equal((await at.store.history(id)).attempts[0]?.outcome, 'interrupted');
    const again = await at.recoverStale('--host-is-gone', 'far', '--apply');
    assert.deepEqual([again.status, again.answer.verdict], [0, 'nothing_to_do']);
  });

  test('only jobs of the host that was named', async (t) => {
    const at = await site(t);
    const far = await at.jobOf('far', -hourMs);
    const other = await at.jobOf('other', -hourMs);
    assert.deepEqual((await at.recoverStale('--apply')).answer.steps, []);
    const { answer } = await at.recoverStale('--host-is-gone', 'far', '--apply');
    assert.deepEqual(
      [answer.steps.map((step) => step.job_id), answer.refusals.map((each) => [each.job_id, each.code])],
      [[far], [[other, 'other_host']]],
    );
    assert.deepEqual([await at.status(far), await at.status(other)], ['retryable', 'running']);
  });

  test('neither our wall clock nor our boot clock has a say', async (t) => {
    const at = await site(t);
    const { bootId } = thisHost();
    // By the boot clock of this host, the one lease has long run out and the other one is fresh.
    const alive = await at.jobOf('far', 60_000, { renewedBootMs: bootClockMs() - hourMs, bootId });
    const expired = await at.jobOf('far', -1000, { renewedBootMs: bootClockMs(), bootId });
    for (const byMs of [24 * hourMs, -24 * hourMs]) {
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() + byMs });
      try {
        const { answer } = await at.recoverStale('--host-is-gone', 'far');
        assert.deepEqual(
          [answer.steps.map((step) => step.job_id), answer.refusals.map((each) => [each.job_id, each.code])],
          [[expired], [[alive, 'lease_alive']]],
        );
      } finally {
        t.mock.timers.reset();
      }
    }
  });

  test('a host of the same name that is another machine: its lease is judged as any other host’s', async (t) => {
    const at = await site(t);
    const { host } = thisHost();
    const alive = await at.jobOf(host, 60_000);
    const expired = await at.jobOf(host, -1000);
    assert.deepEqual((await at.recoverStale('--apply')).answer.steps, []);
    await at.recoverStale('--host-is-gone', host, '--apply');
    assert.deepEqual([await at.status(alive), await at.status(expired)], ['running', 'retryable']);
  });
});
