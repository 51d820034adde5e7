import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recoveryTargets, jobsLookedAfter } from '../../../src/core/recovery/targets.ts';
import type { TakenOff } from '../../../src/core/recovery/memory.ts';
import type { ExpectationRules } from '../../../src/core/storage/expectation.ts';
import type { WantedPath } from '../../../src/core/storage/wanted-paths.ts';
import type { Job } from '../../../src/core/jobs/job.ts';
import { mountTable } from '../storage/mount-fixture.ts';

const table = mountTable(`
  26 1 8:1 / / rw - ext4 /dev/sda1 rw
  64 26 0:40 / /box rw - fuse.sshfs u1@box:/ rw
  65 26 0:40 /jobs/hc /jobs/hc rw - fuse.sshfs u1@box:/ rw
  66 26 0:39 /jobs/old /jobs/old rw - fuse.sshfs u1@box:/ rw
  67 26 0:50 / /jobs/own rw - fuse.sshfs u1@box:/own rw
  68 26 0:60 / /jobs/other rw - fuse.sshfs somebody@else:/ rw
  69 26 0:40 /jobs/out /mnt/out rw - fuse.sshfs u1@box:/ rw
`);
const rules: ExpectationRules = {
  jobsRoot: '/jobs',
  storagebox: { mount: '/box', coldRoot: '/box/jobs' },
  manifest: [{ hotPath: '/jobs/hc', coldPath: '/box/jobs/hc', line: 1 }],
  hotMounts: [{ path: '/jobs/own', unit: 'own.service' }],
};
const want = (path: string, more: Partial<WantedPath> = {}): WantedPath => ({
  path,
  jobs: [1],
  isInManifest: false,
  isAnnualCampaignJob: false,
  recordedIdentity: null,
  ...more,
});

function places(wanted: readonly WantedPath[], takenOff: readonly TakenOff[] = []): Record<string, string> {
  const targets = recoveryTargets({
    wanted,
    rules,
    base: { path: '/box', fstype: 'fuse.sshfs', unit: 'base.service' },
    mounts: table.mounts,
    takenOff,
    canonicalOf: (path) => path.replace('/link/', '/jobs/'),
    isResolved: () => true,
  });
  const describePlace = ({ place }: (typeof targets)[number]): string => {
    switch (place.kind) {
      case 'bind':
        return `bind ${place.coldPath}`;
      case 'unit':
        return `unit ${place.unit}`;
      case 'below':
        return `below ${place.mountPoint}`;
      case 'none':
        return 'none';
    }
  };
  return Object.fromEntries(targets.map((target) => [target.path, describePlace(target)]));
}

const makeJob = (more: Partial<Job>): Job =>
  ({
    status: 'queued',
    queuedAtMs: 0,
    createdAtMs: 0,
    campaignKind: null,
    campaignYear: null,
    ...more,
  }) as Job;

/** Bound from the base and asked for by nobody; what lies elsewhere, or is of somebody else, is no target. */
const unasked = { '/jobs/hc': 'bind /box/jobs/hc', '/jobs/old': 'bind /box/jobs/old' };

describe('what recovery looks after', () => {
  test('every bind of the base below the jobs root, also one of a base before', () => {
    assert.deepEqual(places([]), unasked);
  });

  test('what is wanted, by the most particular rule', () => {
    const wanted = [
      want('/jobs/hc'),
      want('/jobs/hc/below'),
      want('/jobs/own'),
      want('/jobs/annual', { isAnnualCampaignJob: true }),
      want('/jobs/local'),
      want('/elsewhere', { isAnnualCampaignJob: true }),
    ];
    assert.deepEqual(places(wanted), {
      ...unasked,
      '/jobs/hc/below': 'below /jobs/hc',
      '/jobs/own': 'unit own.service',
      '/jobs/annual': 'bind /box/jobs/annual',
      '/jobs/local': 'none',
      '/elsewhere': 'none',
    });
  });

  test('one path by two names once, and a job on a bind that is in no manifest by its mount', () => {
    assert.deepEqual(places([want('/link/old'), want('/jobs/old')]), unasked);
  });

  test('what an earlier run took off, also where nobody asks for it', () => {
    const off = (path: string, more: Partial<TakenOff>) => ({
      path,
      coldPath: null,
      unit: null,
      isRetried: false,
      ...more,
    });
    const takenOff = [
      off('/jobs/gone', { coldPath: '/box/jobs/gone' }),
      off('/jobs/u', { unit: 'u.service' }),
    ];
    const local = off('/jobs/local', { coldPath: '/box/jobs/local' });
    assert.deepEqual(places([want('/jobs/local')], [...takenOff, local]), {
      ...unasked,
      '/jobs/local': 'bind /box/jobs/local',
      '/jobs/gone': 'bind /box/jobs/gone',
      '/jobs/u': 'unit u.service',
    });
  });
});

test('jobs that run, the next ones in the worker’s order also in cooldown, and the annual ones of the year', () => {
  const cooling = { infraRetry: { atMs: 9e15, lengthMs: 600_000 } };
  const jobs = [
    makeJob({ id: 1, status: 'completed' }),
    makeJob({ id: 2, status: 'running', queuedAtMs: 900 }),
    makeJob({ id: 3, status: 'queued', queuedAtMs: 300 }),
    makeJob({ id: 4, status: 'retryable', queuedAtMs: 100, ...cooling }),
    makeJob({ id: 5, status: 'queued', queuedAtMs: 200 }),
    makeJob({ id: 6, status: 'completed', campaignKind: 'annual', campaignYear: 2026 }),
    makeJob({ id: 7, status: 'completed', campaignKind: 'annual', campaignYear: 2025 }),
    makeJob({ id: 8, status: 'cancelled', campaignKind: 'annual', campaignYear: 2026 }),
  ];
  const ids = jobsLookedAfter(jobs, 2, 2026).map(({ id }) => id);
  assert.deepEqual(ids, [2, 4, 5, 6]);
});
