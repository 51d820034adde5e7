import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { emptyMemory, type RecoveryMemory } from '../../../src/core/recovery/memory.ts';
import { jobsToRelease, rememberReleased } from '../../../src/core/recovery/release.ts';

const provedAt = 1_700_000_000_000;
const job = {
  id: 7,
  status: 'retryable',
  infraRetry: { atMs: provedAt + 500_000, lengthMs: 600_000 },
  outputDir: '/jobs/a/crawl',
  startedAtMs: provedAt - 60_000,
  attempts: 3,
} as const;
const proof = { path: '/jobs/a', atMs: provedAt, released: [] };
const memory: RecoveryMemory = { ...emptyMemory, verified: [proof] };
const release = { jobId: 7, attempts: 3, path: '/jobs/a' };

type Asked = Parameters<typeof jobsToRelease>[0][number];

function released(jobs: readonly Asked[], now: RecoveryMemory = memory, isHealthy = true) {
  return jobsToRelease(jobs, now, () => isHealthy, { maxPerJobPerDay: 6, nowMs: provedAt + 1000 });
}

describe('which jobs need not wait for the end of their cooldown', () => {
  for (const [what, asked, expected] of [
    ['its attempt began before its place was proved', job, [release]],
    ['its attempt began on the storage that was proved already', { ...job, startedAtMs: provedAt + 1 }, []],
    ['it cools down from nothing', { ...job, infraRetry: null }, []],
    ['it is no longer waiting', { ...job, status: 'running' }, []],
    ['its place was never broken', { ...job, outputDir: '/jobs/b' }, []],
    ['a name that only begins alike', { ...job, outputDir: '/jobs/ab' }, []],
  ] as const) {
    test(what, () => {
      assert.deepEqual(released([asked]), expected);
    });
  }

  test('not while its place is broken again', () => {
    assert.deepEqual(released([job], memory, false), []);
  });

  test('once for each proof', () => {
    const after = rememberReleased(memory, [release], provedAt + 1000);
    assert.deepEqual(released([job], after), []);
    const provedAgain = { ...after, verified: [{ ...proof, atMs: provedAt + 500 }] };
    assert.deepEqual(released([job], provedAgain), [release]);
  });

  test('and no oftener in a day than it may be interrupted', () => {
    const often = Array.from({ length: 6 }, (_, n) => ({ jobId: 7, atMs: provedAt - n * 1000 }));
    assert.deepEqual(released([job], { ...memory, releases: often }), []);
    assert.deepEqual(released([job], { ...memory, releases: often.slice(1) }), [release]);
  });
});
