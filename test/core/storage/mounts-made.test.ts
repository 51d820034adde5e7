import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStillThere, mountsMade } from '../../../src/core/storage/mount-table.ts';
import { hostText, mountTable } from './mount-fixture.ts';

const { mounts } = mountTable(hostText);
const hc = mounts.find(({ mountPoint }) => mountPoint === '/srv/ha/jobs/hc');
assert.ok(hc);
const without = mounts.filter((mount) => mount !== hc);
const elsewhere = { ...hc, mountPoint: '/srv/ha/jobs/new', root: '/jobs/new' };

test('nothing changed', () => {
  assert.deepEqual(mountsMade(mounts, mounts), []);
  assert.equal(isStillThere(hc, mounts), true);
});

test('a mount that came, and one that went', () => {
  assert.deepEqual(mountsMade(without, mounts), [hc]);
  assert.equal(isStillThere(hc, without), false);
});

test('one went, and another one has its number at once', () => {
  assert.deepEqual(mountsMade(mounts, [...without, elsewhere]), [elsewhere]);
  assert.equal(isStillThere(hc, [...without, elsewhere]), false);
});

test('other options are no other mount', () => {
  const remounted = { ...hc, options: ['rw', 'nosuid'], isShared: true };
  assert.deepEqual(mountsMade(mounts, [...without, remounted]), []);
  assert.equal(isStillThere(hc, [...without, remounted]), true);
});
