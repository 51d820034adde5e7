import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootClockMs, thisHost } from '../../src/effects/host.ts';

test('this host is the same at every look, and this boot has an id', () => {
  const host = thisHost();
  assert.deepEqual(thisHost(), host);
  assert.equal(host.host, hostname());
  assert.match(host.bootId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.match(host.machineId, /^([0-9a-f]{32})?$/, 'no line break, which would make it differ from itself');
});

test('the boot clock is that of the kernel, in whole milliseconds, and goes on', async () => {
  const before = bootClockMs();
  assert.ok(Number.isInteger(before));
  const kernelMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  assert.ok(Math.abs(kernelMs - before) < 2000, `${kernelMs} and ${before}`);
  await sleep(50);
  const passedMs = bootClockMs() - before;
  assert.ok(passedMs >= 30 && passedMs < 20_000, `${passedMs} ms`);
});
