import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { archiveAt } from '../../../src/core/storage/archive.ts';

const box = { kind: 'mount', fstype: 'fuse.sshfs', source: 'u1@box:/', root: '/jobs/outer' } as const;
const own = { kind: 'mount', fstype: 'fuse.sshfs', source: 'u1@box:/own', root: '/' } as const;
const rules = {
  manifest: [
    { hotPath: '/jobs/outer', coldPath: '/box/jobs/outer', line: 1 },
    { hotPath: '/jobs/outer/bound', coldPath: '/box/jobs/bound', line: 2 },
  ],
  hotMounts: [{ path: '/jobs/outer/own', unit: 'own.service' }],
};

describe('what was archived at a place', () => {
  const job = (id: number, outputDir: string, storageIdentity: typeof box | typeof own | null = box) => ({
    id,
    attempts: 1,
    outputDir,
    storageIdentity,
  });

  test('jobs at the place and below it, the source of the first that ran on a mount', () => {
    const jobs = [job(3, '/jobs/outer/a'), job(2, '/jobs/outer', null), job(4, '/jobs/elsewhere')];
    assert.deepEqual(archiveAt(['/jobs/outer'], jobs, rules), { jobs: [2, 3], source: 'u1@box:/' });
  });

  test('none of what is in mounts of their own below it', () => {
    const jobs = [
      job(1, '/jobs/outer/own', own),
      job(2, '/jobs/outer/own/deep', own),
      job(3, '/jobs/outer/bound'),
    ];
    assert.equal(archiveAt(['/jobs/outer'], jobs, rules), null);
    assert.deepEqual(archiveAt(['/jobs/outer/own'], jobs, rules)?.jobs, [1, 2]);
    assert.deepEqual(archiveAt(['/jobs/outer/bound'], jobs, rules)?.jobs, [3]);
    assert.deepEqual(archiveAt(['/jobs/outer'], [...jobs, job(4, '/jobs/outer/own2')], rules)?.jobs, [4]);
  });

  test('a job that has had no attempt has archived nothing', () => {
    assert.equal(archiveAt(['/jobs/outer'], [{ ...job(1, '/jobs/outer'), attempts: 0 }], rules), null);
  });
});
