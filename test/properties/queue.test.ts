import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Job } from '../../src/core/jobs/job.ts';
import type { RetryPolicy } from '../../src/core/jobs/retry.ts';
import { compareQueuePlaces, isEligible } from '../../src/core/jobs/selection.ts';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { describeOnBothDatabases } from '../store/databases.ts';
import { testLease } from '../store/test-attempt.ts';

/* What the core says of the queue, and what the databases make of it, must be the same. */

const t0 = Date.parse('2026-03-01T12:00:00Z');
const policy: RetryPolicy = { maxRetries: 2, backoffMs: 60_000, infraCooldownMs: 600_000 };
const statuses = ['queued', 'running', 'retryable', 'completed', 'failed', 'cancelled'] as const;

/** Few different times, so that ties are common; some deadlines lie further away than their length. */
const rows = fc.array(
  fc.record({
    status: fc.constantFrom(...statuses, 'queued', 'retryable'),
    queued_ms: fc.option(fc.integer({ min: t0, max: t0 + 3 })),
    created_ms: fc.integer({ min: t0, max: t0 + 3 }),
    infra: fc.option(fc.record({ at: fc.integer({ min: -5, max: 20 }), length: fc.nat(15) })),
    backoff: fc.option(fc.record({ at: fc.integer({ min: -5, max: 20 }), length: fc.nat(15) })),
  }),
  { maxLength: 25 },
);

const ids = (jobs: readonly Job[]): number[] => jobs.map((job) => job.id);

describeOnBothDatabases('the queue', (fresh) => {
  async function withJobs(count: number): Promise<{ database: Database; url: string; jobs: JobStore }> {
    const { database, url } = await fresh();
    await new SourceStore(database).add({ code: 'hc', name: 'x', seeds: [], waitSeconds: 0 }, t0);
    await database.write(async (tx) => {
      const { id } = await tx.selectFrom('sources').select('id').executeTakeFirstOrThrow();
      const values = Array.from({ length: count }, (_, index) => ({
        source_id: id,
        name: `job ${index}`,
        status: 'queued',
        output_dir: `/jobs/${index}`,
        seeds: '[]',
        wait_seconds: 0,
        queued_ms: t0 + index,
        created_ms: t0,
        retry_count: 0,
        attempts: 0,
        lost_in_a_row: 0,
      }));
      if (values.length > 0) await tx.insertInto('jobs').values(values).execute();
    });
    return { database, url, jobs: new JobStore(database) };
  }

  test('property: next() is what the core’s order and eligibility say, whole or page by page', async () => {
    const { database, jobs } = await withJobs(0);
    const offered = fc.asyncProperty(rows, async (generated) => {
      await database.write(async (tx) => {
        await tx.deleteFrom('jobs').execute();
        const { id } = await tx.selectFrom('sources').select('id').executeTakeFirstOrThrow();
        const values = generated.map(({ infra, backoff, ...row }, index) => ({
          ...row,
          source_id: id,
          name: `job ${index}`,
          output_dir: `/jobs/${index}`,
          seeds: '[]',
          wait_seconds: 0,
          retry_count: 0,
          attempts: 0,
          lost_in_a_row: 0,
          infra_retry_ms: infra === null ? null : t0 + infra.at,
          infra_retry_length_ms: infra?.length ?? null,
          backoff_ms: backoff === null ? null : t0 + backoff.at,
          backoff_length_ms: backoff?.length ?? null,
        }));
        if (values.length > 0) await tx.insertInto('jobs').values(values).execute();
      });
      await jobs.cutDeadlines(t0);
      const all = await jobs.list();
      const waiting = all
        .filter((job) => job.status === 'queued' || job.status === 'retryable')
        .sort(compareQueuePlaces);
      assert.deepEqual(ids(await jobs.next({ limit: 100 })), ids(waiting), 'all that wait');
      const eligible = waiting.filter((job) => isEligible(job, t0));
      assert.deepEqual(ids(await jobs.next({ eligibleAtMs: t0, limit: 100 })), ids(eligible), 'eligible');
      const paged: Job[] = [];
      for (let offset = 0; offset <= eligible.length; offset += 4)
        paged.push(...(await jobs.next({ eligibleAtMs: t0, limit: 4, offset })));
      assert.deepEqual(ids(paged), ids(eligible), 'page by page');
      for (const job of all)
        for (const deadline of [job.infraRetry, job.backoff])
          assert.ok(
            deadline === null || deadline.atMs - t0 <= deadline.lengthMs,
            'a deadline is too far away',
          );
    });
    await fc.assert(offered, { numRuns: 40 });
  });

  test('eight claimers, each with a connection of its own, over fifty jobs: each job goes to one of them', async () => {
    const { url, jobs } = await withJobs(50);
    const claimed = await Promise.all(
      Array.from({ length: 8 }, async (_, claimer) => {
        const database = new Database(url);
        const mine = new JobStore(database);
        const taken: number[] = [];
        for (;;) {
          const candidates = await mine.next({ eligibleAtMs: t0 + 99, limit: 3 });
          if (candidates.length === 0) break;
          for (const { id } of candidates) {
            const token = `claimer ${claimer} job ${id}`;
            if ((await mine.claim(id, testLease(token), 'http', policy, t0 + 99)) !== null) taken.push(id);
          }
        }
        await database.close();
        return taken;
      }),
    );
    const all = claimed.flat().sort((a, b) => a - b);
    assert.deepEqual(all, ids(await jobs.list()), 'every job once');
    for (const job of await jobs.list()) {
      assert.deepEqual([job.status, job.attempts], ['running', 1]);
      const owner = claimed.findIndex((taken) => taken.includes(job.id));
      assert.equal(job.lease?.token, `claimer ${owner} job ${job.id}`, 'the lease is the winner’s');
      assert.equal((await jobs.history(job.id)).attempts.length, 1);
    }
  });
});
