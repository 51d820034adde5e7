import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { fileVersion } from '../../src/effects/small-file.ts';
import { pullTrigger, TriggerCalls } from '../../src/effects/trigger-file.ts';
import { RecoveryCall } from '../../src/worker/recovery-call.ts';
import { workerPaths } from '../../src/worker/worker-paths.ts';

let folder = '';
let trigger = '';
const said: string[] = [];
const log = (_level: string, message: string): void => {
  said.push(message);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healtharchive-trigger-'));
  trigger = workerPaths(folder).recoveryTrigger;
  said.length = 0;
});
afterEach(() => {
  mock.timers.reset();
  rmSync(folder, { recursive: true });
});

test('a call is one file that changes, in a folder that is made for it', () => {
  assert.equal(fileVersion(trigger), null);
  pullTrigger(trigger, Date.parse('2026-03-01T12:00:00Z'));
  const first = fileVersion(trigger);
  assert.equal(readFileSync(trigger, 'utf8'), '2026-03-01T12:00:00.000Z\n');
  assert.notEqual(first, null);
  pullTrigger(trigger, Date.parse('2026-03-01T12:00:01Z'));
  assert.notEqual(fileVersion(trigger), first);
});

test('whoever is at work sees the calls that come meanwhile, each once', () => {
  pullTrigger(trigger, 0);
  const calls = new TriggerCalls(trigger);
  assert.equal(calls.isCalledAgain(), false);
  pullTrigger(trigger, 1);
  pullTrigger(trigger, 2);
  assert.deepEqual([calls.isCalledAgain(), calls.isCalledAgain()], [true, false]);
});

test('never through a link that somebody has put in its place', () => {
  pullTrigger(trigger, 0);
  rmSync(trigger);
  symlinkSync(join(folder, 'elsewhere'), trigger);
  assert.throws(() => {
    pullTrigger(trigger, 0);
  }, /ELOOP/);
});

test('many calls at once are one, and one more when ten seconds are over', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const call = new RecoveryCall(trigger, log);
  call.call();
  const first = readFileSync(trigger, 'utf8');
  mock.timers.tick(5);
  for (let count = 0; count < 5; count++) call.call();
  assert.equal(readFileSync(trigger, 'utf8'), first);
  mock.timers.tick(10_000);
  const second = readFileSync(trigger, 'utf8');
  assert.notEqual(second, first);
  mock.timers.tick(60_000);
  assert.equal(readFileSync(trigger, 'utf8'), second, 'and no more');
});

test('a trigger that can’t be pulled is said, and holds nobody up', () => {
  const call = new RecoveryCall('/proc/nowhere/trigger', log);
  call.call();
  assert.deepEqual(said, ['recovery could not be called']);
});
