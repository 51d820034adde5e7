import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localSetup } from './setup.ts';

type Answer = Record<string, unknown>;

test('a source waits a second between two requests unless it is told otherwise', async (t) => {
  const setup = await localSetup(t);
  const { sources } = (await setup.ask('sources', 'list')) as { sources: Answer[] };
  assert.deepEqual(
    sources.map(({ wait_seconds: seconds }) => seconds),
    [1],
  );
});

test('sources edit: jobs added from then on go by it, those that are there do not', async (t) => {
  const setup = await localSetup(t);
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'before');
  const change = ['--name', 'Santé Canada', '--seed', 'https://new.example/', '--wait-seconds', '2.5'];
  const edited = await setup.ask('sources', 'edit', 'hc', ...change);
  assert.deepEqual(
    [edited['code'], edited['name'], edited['seeds'], edited['wait_seconds']],
    ['hc', 'Santé Canada', ['https://new.example/'], 2.5],
  );
  const after = await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'after');
  assert.deepEqual([after['seeds'], after['wait_seconds']], [['https://new.example/'], 2.5]);
  const before = await setup.ask('jobs', 'show', '1');
  assert.deepEqual([before['seeds'], before['wait_seconds']], [['https://hc.example/'], 1]);
  assert.match((await setup.run('sources', 'edit', 'hc', '--wait-seconds', '0')).stdout, /Changed source hc/);
});

test('sources remove: refused while a job needs it; then gone from lists and campaigns, and its jobs are still there', async (t) => {
  const setup = await localSetup(t);
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'one');
  const refused = await setup.run('sources', 'remove', 'hc');
  assert.equal(refused.status, 5);
  assert.match(
    refused.stderr,
    /still needed: job 1 is not finished\.\n {2}to mend it: healtharchive jobs cancel 1/,
  );
  await setup.ask('jobs', 'cancel', '1');
  assert.equal((await setup.run('sources', 'remove', 'hc')).status, 0);
  assert.deepEqual(await setup.ask('sources', 'list'), { sources: [] });
  const plan = await setup.ask('campaign', 'schedule', '--year', '2026');
  assert.deepEqual(plan['steps'], []);
  assert.equal((await setup.ask('jobs', 'show', '1'))['source'], 'hc');
  const retried = await setup.run('jobs', 'retry', '1');
  assert.equal(retried.status, 5);
  assert.match(retried.stderr, /its source hc was removed; add it again first/);
  const again = ['--code', 'hc', '--name', 'Health Canada', '--seed', 'https://hc.example/'];
  assert.equal((await setup.run('sources', 'add', ...again)).status, 0);
  assert.equal((await setup.run('jobs', 'retry', '1')).status, 0);
});
