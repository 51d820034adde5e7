import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideAccepting } from '../../../src/core/tiering/accept-archive.ts';

const local = { kind: 'local' } as const;
const jobs = [
  { id: 4, outputDir: '/jobs/disk/b', storageIdentity: local },
  { id: 3, outputDir: '/jobs/disk', storageIdentity: local },
  { id: 5, outputDir: '/jobs/disk/new', storageIdentity: null },
  { id: 6, outputDir: '/jobs/disk2', storageIdentity: local },
];

test('jobs at and below the path forget what they ran on', () => {
  const { steps, refusals } = decideAccepting(['/jobs/disk'], [], jobs);
  assert.deepEqual(
    steps.map(({ kind, path, jobs: ids }) => [kind, path, ids]),
    [['accept', '/jobs/disk', [3, 4]]],
  );
  assert.deepEqual(refusals, []);
});

test('what is tiered is tiering’s own, and where nobody archived there is nothing to accept', () => {
  const { steps, refusals } = decideAccepting(
    ['/jobs/hc', '/jobs/typo', '/jobs/disk/new'],
    ['/jobs/hc'],
    jobs,
  );
  assert.deepEqual(steps, []);
  assert.deepEqual(
    refusals.map(({ code, path }) => [code, path]),
    [
      ['nothing_to_accept', '/jobs/typo'],
      ['nothing_to_accept', '/jobs/disk/new'],
    ],
  );
});
