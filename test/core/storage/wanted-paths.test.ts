import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobStatus } from '../../../src/core/jobs/job.ts';
import { needsItsPath, wantedPaths } from '../../../src/core/storage/wanted-paths.ts';

type WantingJob = Parameters<typeof wantedPaths>[0][number];

const nfs = { kind: 'mount', fstype: 'nfs4', source: 'nas:/x', root: '/' } as const;

function job(id: number, outputDir: string, more: Partial<WantingJob> = {}): WantingJob {
  return {
    id,
    outputDir,
    status: 'queued',
    campaignKind: null,
    campaignYear: null,
    storageIdentity: null,
    mostArchivedBytes: 0,
    progress: null,
    ...more,
  };
}

describe('who still needs its path in 2026', () => {
  const annual2026 = { campaignKind: 'annual', campaignYear: 2026 } as const;
  const annual2025 = { campaignKind: 'annual', campaignYear: 2025 } as const;
  const rows: readonly (readonly [JobStatus, ordinary: boolean, annual: boolean, lastYears: boolean])[] = [
    ['queued', true, true, true],
    ['running', true, true, true],
    ['retryable', true, true, true],
    ['completed', false, true, false],
    ['failed', false, true, false],
    ['cancelled', false, false, false],
  ];
  for (const [status, ordinary, annual, lastYears] of rows) {
    test(status, () => {
      const needs = (more: Partial<WantingJob>) => needsItsPath(job(1, '/jobs/a', { status, ...more }), 2026);
      assert.deepEqual([needs({}), needs(annual2026), needs(annual2025)], [ordinary, annual, lastYears]);
    });
  }
});

describe('the hot paths that somebody needs', () => {
  const line = (hotPath: string) => ({ hotPath, coldPath: '/box/x', line: 1 });

  test('nobody needs any', () => {
    assert.deepEqual(wantedPaths([], [], [], 2026), []);
    assert.deepEqual(wantedPaths([job(1, '/jobs/a', { status: 'completed' })], [], [], 2026), []);
  });

  test('wanted by jobs, manifest and configuration, a path is one path', () => {
    const jobs = [job(7, '/jobs/a', { storageIdentity: nfs }), job(3, '/jobs/a', { campaignKind: 'annual' })];
    assert.deepEqual(wantedPaths(jobs, [line('/jobs/a')], [{ path: '/jobs/a/' }], 2026), [
      {
        path: '/jobs/a',
        jobs: [3, 7],
        isInManifest: true,
        isAnnualCampaignJob: true,
        recordedIdentity: nfs,
        past: 'tried',
      },
    ]);
  });

  test('what was archived there is known, until its storage is forgotten', () => {
    const progress = { pages: 1, bytes: 9, currentUrl: null, bytesPerSecond: 0, urls: null };
    const pasts = [
      job(1, '/a'),
      job(2, '/a', { storageIdentity: nfs }),
      job(3, '/a', { storageIdentity: nfs, mostArchivedBytes: 5 }),
      job(4, '/a', { storageIdentity: nfs, progress }),
      job(5, '/a', { storageIdentity: null, mostArchivedBytes: 5 }),
    ].map((one) => wantedPaths([one], [], [], 2026)[0]?.past);
    assert.deepEqual(pasts, ['none', 'tried', 'archived', 'archived', 'none']);
    const jobs = [job(1, '/a', { storageIdentity: nfs, mostArchivedBytes: 5 }), job(2, '/a')];
    assert.equal(wantedPaths(jobs, [line('/a')], [], 2026)[0]?.past, 'archived');
  });

  test('they come in the order of their names, and a path below another is a path of its own', () => {
    const found = wantedPaths(
      [job(1, '/jobs/b/x'), job(2, '/jobs/b')],
      [line('/jobs/c')],
      [{ path: '//jobs///a//' }],
      2026,
    );
    assert.deepEqual(
      found.map(({ path, jobs, isInManifest }) => [path, jobs, isInManifest]),
      [
        ['/jobs/a', [], false],
        ['/jobs/b', [2], false],
        ['/jobs/b/x', [1], false],
        ['/jobs/c', [], true],
      ],
    );
  });

  test('odd names stay as they are; the root is the root', () => {
    const odd = '/jobs/a b\n\\040\u001b[2J';
    const found = wantedPaths([job(1, odd)], [], [{ path: '/' }], 2026);
    assert.deepEqual(
      found.map(({ path }) => path),
      ['/', odd],
    );
  });
});
