/** A store that has seen a job need not read it again to change it; what somebody else has made of the job meanwhile counts all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { describeOnBothDatabases } from './databases.ts';
import { infraError, testLease } from './test-attempt.ts';

const policy = { maxRetries: 2, backoffMs: 1000, infraCooldownMs: 1000 };
const t0 = Date.parse('2026-03-01T12:00:00Z');

/** What happens to a job, by whoever; tokens are few, so that some hold the lease and some don't. */
type Act = (store: JobStore, id: number, token: string, nowMs: number) => Promise<unknown>;
const acts: Readonly<Record<string, Act>> = {
  see: async (store, _, __, nowMs) => await store.next({ eligibleAtMs: nowMs, limit: 5 }),
  claim: async (store, id, token, nowMs) =>
    (await store.claim(id, testLease(token), 'http', policy, nowMs))?.attempts,
  renew: async (store, id, token) => (await store.renew(id, testLease(token), null)).kind,
  finish: async (store, id, token, nowMs) =>
    (await store.finish(id, token, { ...infraError, bytes: nowMs % 50 }, 'w', policy, nowMs))
      ?.mostArchivedBytes,
  park: async (store, id, _, nowMs) => await store.park(id, { reason: 'dead', detail: '' }, 'w', nowMs),
  interrupt: async (store, id, token, nowMs) => await store.requestInterrupt(id, token, '', 'r', nowMs),
  release: async (store, id, _, nowMs) => await store.release(id, 1, '', 'r', nowMs),
  cancel: async (store, id, _, nowMs) => (await store.command(id, 'cancel', 'x', policy, nowMs)).kind,
  retry: async (store, id, _, nowMs) => (await store.command(id, 'retry', 'x', policy, nowMs)).kind,
};

const steps = fc.array(
  fc.record({
    who: fc.constantFrom(0, 1),
    act: fc.constantFrom('see', 'claim', 'claim', 'finish', 'finish', ...Object.keys(acts)),
    token: fc.constantFrom('a', 'b'),
    waitMs: fc.nat(1500),
  }),
  { minLength: 4, maxLength: 20 },
);

describeOnBothDatabases('jobs that were seen', (fresh) => {
  async function withSource(): Promise<{ database: Database; url: string }> {
    const { database, url } = await fresh();
    await new SourceStore(database).add({ code: 'hc', name: 'x', seeds: [], waitSeconds: 0 }, t0);
    return { database, url };
  }
  const newJob = (name: string) => ({
    source: 'hc',
    name,
    outputDir: `/jobs/${name}`,
    seeds: [],
    campaignKind: null,
    campaignYear: null,
  });

  test('property: two stores that remember do to a job what stores do that have seen nothing', async () => {
    const { database } = await withSource();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const remembering = [new JobStore(database), new JobStore(database)];
        const [one, other] = [++count, ++count];
        const results: unknown[][] = [[], []];
        for (const [which, id] of [one, other].entries()) {
          await new JobStore(database).add(newJob(`job-${id}`), 'x', t0);
          let nowMs = t0;
          for (const { who, act, token, waitMs } of sequence) {
            nowMs += waitMs;
            const store = which === 0 ? remembering[who] : new JobStore(database);
            assert.ok(store !== undefined);
            const result = await acts[act]?.(store, id, token, nowMs);
            results[which]?.push(act === 'see' ? null : result);
          }
          const { attempts, events } = await new JobStore(database).history(id);
          results[which]?.push(
            { ...(await new JobStore(database).find(id)), id: 0, name: '', outputDir: '' },
            attempts.map((attempt) => ({ ...attempt, id: 0, job_id: 0 })),
            events.map(({ kind, actor }) => ({ kind, actor })),
          );
          await new JobStore(database).command(id, 'cancel', 'x', policy, nowMs);
        }
        assert.deepEqual(results[0], results[1]);
      }),
      { numRuns: 60 },
    );
  });

  test('an attempt takes a statement to find it, one to claim it and one to end it on PostgreSQL', async () => {
    const { database, url } = await withSource();
    if (database.kind === 'sqlite') return;
    let statements = 0;
    const counting = new Database(url, { onStatement: () => (statements += 1) });
    const store = new JobStore(counting);
    await store.add(newJob('a'), 'x', t0);
    statements = 0;
    const [job] = await store.next({ eligibleAtMs: t0, limit: 5 });
    assert.equal((await store.claim(job?.id ?? 0, testLease('t'), 'http', policy, t0))?.attempts, 1);
    assert.equal((await store.finish(job?.id ?? 0, 't', infraError, 'w', policy, t0))?.status, 'retryable');
    assert.equal(statements, 3);
    await counting.close();
  });

  test('a column that a migration adds beside a running worker disturbs nothing', async () => {
    const { database } = await withSource();
    const store = new JobStore(database);
    const one = await store.add(newJob('a'), 'x', t0);
    const attempt = async (nowMs: number) => {
      const [job] = await store.next({ eligibleAtMs: nowMs, limit: 1 });
      assert.ok(job !== undefined);
      await store.claim(job.id, testLease('t'), 'http', policy, nowMs);
      return await store.finish(job.id, 't', infraError, 'w', policy, nowMs);
    };
    for (let round = 1; round <= 7; round += 1) await attempt(t0 + round * 10_000);
    await database.write(async (tx) => await sql`alter table jobs add column later text`.execute(tx));
    assert.equal((await attempt(t0 + 80_000))?.attempts, 8);
    assert.equal((await store.find(one.id))?.attempts, 8);
  });
});
