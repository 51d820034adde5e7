import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { archiveAt, archivePlaces, nameJobs, type AttemptedJob } from '../../../src/core/storage/archive.ts';

const box = { kind: 'mount', fstype: 'fuse.sshfs', source: 'u1@box:/', root: '/jobs/outer' } as const;
const own = { kind: 'mount', fstype: 'fuse.sshfs', source: 'u1@box:/own', root: '/' } as const;
const rules = {
  manifest: [
    { hotPath: '/jobs/outer', coldPath: '/box/jobs/outer', line: 1 },
    { hotPath: '/jobs/outer/bound', coldPath: '/box/jobs/bound', line: 2 },
  ],
  hotMounts: [{ path: '/jobs/outer/own', unit: 'own.service' }],
};

const at = (path: string, jobs: readonly AttemptedJob[]) =>
  archivePlaces([[path]], rules).map((place) => archiveAt(place, jobs))[0] ?? null;

describe('what was archived at a place', () => {
  const job = (id: number, outputDir: string, storageIdentity: typeof box | typeof own | null = box) => ({
    id,
    outputDir,
    storageIdentity,
  });

  test('jobs at the place and below it, the source of the first that ran on a mount', () => {
    const jobs = [job(3, '/jobs/outer/a'), job(2, '/jobs/outer', null), job(4, '/jobs/elsewhere')];
    assert.deepEqual(at('/jobs/outer', jobs), { jobs: [2, 3], recorded: [3], source: 'u1@box:/' });
  });

  test('none of what is in mounts of their own below it', () => {
    const jobs = [
      job(1, '/jobs/outer/own', own),
      job(2, '/jobs/outer/own/deep', own),
      job(3, '/jobs/outer/bound'),
    ];
    assert.equal(at('/jobs/outer', jobs), null);
    assert.deepEqual(at('/jobs/outer/own', jobs)?.jobs, [1, 2]);
    assert.deepEqual(at('/jobs/outer/bound', jobs)?.jobs, [3]);
    assert.deepEqual(at('/jobs/outer', [...jobs, job(4, '/jobs/outer/own2')])?.jobs, [4]);
  });

  test('under any of its spellings', () => {
    const [place] = archivePlaces([['/link/outer', '/jobs/outer']], rules);
    assert.ok(place !== undefined);
    assert.deepEqual(archiveAt(place, [job(1, '/link/outer/a'), job(2, '/jobs/outer/b')])?.jobs, [1, 2]);
  });

  test('of many jobs the first are named', () => {
    assert.equal(nameJobs([7]), 'job 7');
    assert.equal(nameJobs([7, 8]), 'jobs 7, 8');
    assert.equal(nameJobs([1, 2, 3, 4, 5, 6, 7]), 'jobs 1, 2, 3, 4, 5 and 2 more');
  });
});
