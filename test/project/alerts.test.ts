/** The alert rules, tried by promtool: each fires at its bound, not before, and ends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const folder = join(import.meta.dirname, '../../ops/prometheus');
const promtool = (...args: string[]) => spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
const isThere = promtool('--version').error === undefined;
const skip = isThere ? false : 'promtool (apt-get install prometheus)';

test('the rules are sound', { skip }, () => {
  const { status, stdout, stderr } = promtool('check', 'rules', 'healtharchive-alerts.yml');
  assert.equal(status, 0, stdout + stderr);
});

test('each alert fires at its bound, not before, and ends', { skip }, () => {
  const { status, stdout, stderr } = promtool('test', 'rules', 'healtharchive-alerts.test.yml');
  assert.equal(status, 0, stdout + stderr);
});
