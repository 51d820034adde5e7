import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeWithSpace } from '../../../src/core/storage/free-space.ts';

const healthy = { state: 'healthy', errno: null, reason: 'it answers' } as const;

test('what answers and has no room left is unwritable', () => {
  assert.deepEqual(judgeWithSpace(healthy, { bytes: 0, percent: 0 }), {
    state: 'unwritable',
    errno: 'ENOSPC',
    reason: 'no space is left; it answers',
  });
  assert.equal(judgeWithSpace(healthy, { bytes: 1024 ** 2 - 1, percent: 40 }).state, 'unwritable');
});

test('room, or nobody knows: as it was', () => {
  for (const space of [{ bytes: 1024 ** 2, percent: 0.001 }, null, undefined])
    assert.equal(judgeWithSpace(healthy, space), healthy);
});

test('a worse state stays what it is', () => {
  const hung = { state: 'hung', errno: null, reason: 'no answer' } as const;
  assert.equal(judgeWithSpace(hung, { bytes: 0, percent: 0 }), hung);
});
