import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseMountinfo } from '../../src/core/storage/mountinfo.ts';
import { readFuseConnections, readMountTable } from '../../src/effects/read-mounts.ts';

test('the mounts of this process, none left out', () => {
  const table = readMountTable();
  assert.equal(table.covering('/proc/self/mountinfo')?.fstype, 'proc');
  const text = readFileSync('/proc/self/mountinfo', 'utf8');
  assert.equal(parseMountinfo(text).length, text.trimEnd().split('\n').length);
});

test('FUSE connections are named like superblocks', () => {
  for (const [device, waiting] of readFuseConnections()) {
    assert.match(device, /^0:\d+$/);
    assert.ok(waiting >= 0);
  }
});
