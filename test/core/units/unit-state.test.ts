import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseUnitStates,
  unitActivity,
  type UnitState,
  whyNotStartable,
} from '../../../src/core/units/unit-state.ts';

const worker: UnitState = {
  unit: 'worker.service',
  load: 'loaded',
  active: 'active',
  sub: 'running',
  fileState: 'enabled',
  invocationId: 'abc',
  restarts: 3,
};
const text = `Id=worker.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
InvocationID=abc
NRestarts=3

Id=gone.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
InvocationID=
`;

test('the states of units are read in the order of the question', () => {
  const gone = {
    load: 'not-found',
    active: 'inactive',
    sub: 'dead',
    fileState: '',
    invocationId: '',
    restarts: 0,
  };
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
  ['active', 'running', 'running'],
  ['inactive', 'dead', 'down'],
  ['failed', 'failed', 'down'],
  ['activating', 'auto-restart', 'waiting'],
  ['activating', 'start-pre', 'starting'],
  ['activating', 'start-post', 'starting'],
  ['deactivating', 'stop-sigterm', 'starting'],
] as const) {
  test(`${active} (${sub}): ${expected}`, () => {
    assert.equal(unitActivity({ ...worker, active, sub }), expected);
  });
}

const idle = { ...worker, active: 'inactive', sub: 'dead' };
for (const [what, unit, code] of [
  ['it runs', worker, null],
  ['it is down', idle, null],
  ['disabled, but it runs', { ...worker, fileState: 'disabled' }, null],
  ['disabled and down', { ...idle, fileState: 'disabled' }, 'unit_disabled'],
  ['masked and down', { ...idle, load: 'masked', fileState: 'masked' }, 'unit_disabled'],
  ['without a file', { ...idle, load: 'not-found', fileState: '' }, 'unit_unusable'],
  ['static and down', { ...idle, fileState: 'static' }, null],
  ['nobody says', null, 'unit_unknown'],
] as const) {
  test(`whether a unit may be started: ${what}`, () => {
    const why = whyNotStartable('worker.service', unit);
    assert.equal(why?.code ?? null, code);
    if (why !== null) assert.match(why.because, /worker\.service/);
  });
}
