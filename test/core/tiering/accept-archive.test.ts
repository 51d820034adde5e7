import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideAccepting } from '../../../src/core/tiering/accept-archive.ts';

test('jobs whose storage is on record forget it', () => {
  const archive = { jobs: [3, 4, 5], recorded: [3, 4], source: null };
  const { steps, refusals } = decideAccepting([{ path: '/jobs/disk', archive }]);
  assert.deepEqual(
    steps.map(({ kind, path, jobs }) => [kind, path, jobs]),
    [['accept', '/jobs/disk', [3, 4]]],
  );
  assert.deepEqual(refusals, []);
});

test('where nothing was archived there is nothing to accept, and nothing is accepted unseen', () => {
  const { steps, refusals } = decideAccepting([
    { path: '/jobs/typo', archive: null },
    { path: '/jobs/disk/new', archive: { jobs: [5], recorded: [], source: null } },
    { path: '/jobs/disk', archive: 'unknown' },
  ]);
  assert.deepEqual(steps, []);
  assert.deepEqual(
    refusals.map(({ code, path }) => [code, path]),
    [
      ['nothing_to_accept', '/jobs/typo'],
      ['nothing_to_accept', '/jobs/disk/new'],
      ['archive_unknown', '/jobs/disk'],
    ],
  );
});
