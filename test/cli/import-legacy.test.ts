import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { statementsOfOriginal } from '../store/original.ts';
import { inProcess, LocalSetup, temporaryFolder } from './setup.ts';

interface Answer {
  readonly verdict: string;
  readonly reason: string;
  readonly steps: readonly { readonly kind: string; readonly because: string }[];
  readonly refusals: readonly { readonly code: string; readonly because: string }[];
}

test('jobs import-legacy: shown, done, and done again', async (t) => {
  const folder = temporaryFolder(t);
  const setup = new LocalSetup(join(folder, 'here'));
  await setup.initialise();
  const file = join(folder, 'original.db');
  const original = new DatabaseSync(file);
  for (const statement of statementsOfOriginal('sqlite', setup.jobsRoot)) original.exec(statement);
  original.close();

  const run = async (...more: string[]): Promise<{ status: number | null; answer: Answer }> => {
    const args = ['jobs', 'import-legacy', '--from', `sqlite:///${file}`, '--json', ...more];
    const { status, stdout, stderr } = await inProcess(args, setup.environment);
    assert.equal(stderr, '');
    return { status, answer: JSON.parse(stdout) as Answer };
  };
  const names = async (): Promise<string[]> => {
    const { stdout } = await inProcess(['jobs', 'list', '--json'], setup.environment);
    return (JSON.parse(stdout) as { jobs: { name: string }[] }).jobs.map(({ name }) => name);
  };

  const plan = await run();
  assert.deepEqual([plan.status, plan.answer.verdict], [3, 'planned']);
  assert.deepEqual(await names(), [], 'nothing was changed');
  const done = await run('--apply', '--worker-stopped');
  assert.deepEqual(
    [done.status, done.answer.verdict],
    [3, 'attention'],
    'some of it could not be taken over',
  );
  assert.match(done.answer.reason, /^1 sources? and 4 jobs/);
  assert.ok(done.answer.refusals.every(({ code }) => code === 'legacy_left'));
  assert.deepEqual((await names()).sort(), ['hc-20250101', 'hc-20260101', 'hc-running', 'phac-20250101']);
  const again = await run('--apply', '--worker-stopped');
  assert.deepEqual([again.status, again.answer.steps], [3, []], 'what was left is left still');

  const page = await inProcess(['jobs', 'import-legacy', '--from', `sqlite:///${file}`], setup.environment);
  assert.match(page.stdout, /Left alone:\n {2}legacy_left.*\n.*nobody\): it has no source/);
  const show = await inProcess(['jobs', 'show', '3'], setup.environment);
  assert.match(show.stdout, /job 3 of the original, index_failed/);
  const log = await inProcess(['jobs', 'log', '3'], setup.environment);
  assert.equal(log.status, 1, log.stdout);
  assert.doesNotMatch(log.stderr, /bug/);
  const missing = await inProcess(
    ['jobs', 'import-legacy', '--from', `sqlite:///${file}x`],
    setup.environment,
  );
  assert.deepEqual([missing.status, missing.stdout], [2, '']);
});
