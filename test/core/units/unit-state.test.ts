import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unitActivity, whyUnusable } from '../../../src/core/units/unit-activity.ts';
import { parseUnitStates, type UnitState } from '../../../src/core/units/unit-state.ts';

const worker: UnitState = {
  unit: 'worker.service',
  load: 'loaded',
  active: 'active',
  sub: 'running',
  fileState: 'enabled',
  invocationId: 'abc',
};
const text = `Id=worker.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
InvocationID=abc

Id=gone.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
InvocationID=
`;

test('the states of units are read in the order of the question', () => {
  const gone = { load: 'not-found', active: 'inactive', sub: 'dead', fileState: '', invocationId: '' };
  assert.deepEqual(parseUnitStates(text, ['worker.service', 'gone.service']), [
    worker,
    { unit: 'gone.service', ...gone },
  ]);
});

test('what systemd did not say is not known', () => {
  assert.deepEqual(parseUnitStates('', ['worker.service']), [null]);
  assert.deepEqual(parseUnitStates('LoadState=loaded\n', ['worker.service']), [null]);
  assert.equal(parseUnitStates(text, ['worker.service', 'gone.service', 'third.service'])[2], null);
});

for (const [active, sub, expected] of [
  ['active', 'running', 'idle'],
  ['inactive', 'dead', 'idle'],
  ['failed', 'failed', 'idle'],
  ['activating', 'auto-restart', 'waiting'],
  ['activating', 'start-pre', 'starting'],
  ['activating', 'start-post', 'starting'],
  ['deactivating', 'stop-sigterm', 'starting'],
] as const) {
  test(`${active} (${sub}): ${expected}`, () => {
    assert.equal(unitActivity({ ...worker, active, sub }), expected);
  });
}

test('a unit that nobody can start is named with the reason', () => {
  assert.equal(whyUnusable('a.service', worker), null);
  assert.match(whyUnusable('a.service', { ...worker, load: 'masked' }) ?? '', /a\.service is masked/);
  assert.match(whyUnusable('a.service', null) ?? '', /systemd does not say/);
});
