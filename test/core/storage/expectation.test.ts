import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  coldPathFor,
  coldPathOf,
  type Expectation,
  expectationFor,
  type ExpectationRules,
  type HotPath,
} from '../../../src/core/storage/expectation.ts';
import type { MountIdentity } from '../../../src/core/storage/mountinfo.ts';

const nfs: MountIdentity = { kind: 'mount', fstype: 'nfs4', source: 'nas:/x', root: '/' };
const rules: ExpectationRules = {
  jobsRoot: '/jobs',
  storagebox: { mount: '/box', coldRoot: '/box/jobs' },
  manifest: [
    { hotPath: '/jobs/moved', coldPath: '/box/attic/moved', line: 1 },
    { hotPath: '/jobs/own/exception', coldPath: '/box/exception', line: 2 },
  ],
  hotMounts: [{ path: '/jobs/own', unit: 'own.mount' }],
};
const ordinary = { isAnnualCampaignJob: false, recordedIdentity: null };
const annual = { isAnnualCampaignJob: true, recordedIdentity: null };

const own: Expectation = { kind: 'mount', mountPoint: '/jobs/own', unit: 'own.mount', identity: null };
const moved: Expectation = { kind: 'bind', mountPoint: '/jobs/moved', coldPath: '/box/attic/moved' };

const cases: readonly (readonly [string, HotPath, Partial<ExpectationRules>, Expectation])[] = [
  ['never run, not tiered', { path: '/jobs/a', ...ordinary }, {}, { kind: 'nothing' }],
  [
    'ran before',
    { path: '/jobs/a', ...ordinary, recordedIdentity: nfs },
    {},
    { kind: 'identity', identity: nfs },
  ],
  [
    'annual job',
    { path: '/jobs/hc/2026', ...annual, recordedIdentity: { kind: 'local' } },
    {},
    { kind: 'bind', mountPoint: '/jobs/hc/2026', coldPath: '/box/jobs/hc/2026' },
  ],
  ['annual job, no storage box', { path: '/jobs/hc', ...annual }, { storagebox: null }, { kind: 'nothing' }],
  [
    'annual job outside the jobs root',
    { path: '/elsewhere/hc', ...annual },
    {},
    { kind: 'unplaceable', mountPoint: '/elsewhere/hc' },
  ],
  [
    'annual job that is the jobs root',
    { path: '/jobs', ...annual },
    {},
    { kind: 'unplaceable', mountPoint: '/jobs' },
  ],
  ['manifest line', { path: '/jobs/moved', ...ordinary }, {}, moved],
  [
    'annual job with a manifest line: the line says where it is',
    { path: '/jobs/moved', ...annual },
    {},
    moved,
  ],
  ['below a manifest line', { path: '/jobs/moved/2026', ...annual }, {}, moved],
  ['a longer name is not below', { path: '/jobs/moved2', ...ordinary }, {}, { kind: 'nothing' }],
  [
    'manifest without a storage box',
    { path: '/jobs/moved', ...ordinary },
    { storagebox: null },
    { kind: 'nothing' },
  ],
  ['mount of a unit', { path: '/jobs/own', ...ordinary }, {}, own],
  ['annual job on the mount of a unit: no bind', { path: '/jobs/own', ...annual }, {}, own],
  [
    'below the mount of a unit, with what it ran on first',
    { path: '/jobs/own/x', ...ordinary, recordedIdentity: nfs },
    {},
    { ...own, identity: nfs },
  ],
  [
    'a manifest line below the mount of a unit is nearer',
    { path: '/jobs/own/exception/x', ...ordinary },
    {},
    { kind: 'bind', mountPoint: '/jobs/own/exception', coldPath: '/box/exception' },
  ],
];
for (const [name, hot, changed, expected] of cases) {
  test(`expected on a hot path: ${name}`, () => {
    assert.deepEqual(expectationFor(hot, { ...rules, ...changed }), expected);
  });
}

test('the cold path of a hot path', () => {
  assert.equal(coldPathFor('/jobs/a/b', '/jobs', '/box/jobs'), '/box/jobs/a/b');
  assert.equal(coldPathFor('/jobs', '/jobs', '/box/jobs'), null);
  assert.equal(coldPathFor('/jobsx/a', '/jobs', '/box/jobs'), null);
  assert.equal(coldPathFor('/a', '/', '/box'), '/box/a');
  assert.equal(coldPathOf('/jobs/moved/2026', moved), '/box/attic/moved/2026');
  assert.equal(coldPathOf('/jobs/own', own), null);
});
