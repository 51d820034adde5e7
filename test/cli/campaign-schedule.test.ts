import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localSetup } from './setup.ts';

interface Plan {
  mode: string;
  verdict: string;
  steps: {
    kind: string;
    source: string;
    name: string;
    path: string;
    job_id: number | null;
    outcome?: string;
  }[];
  refusals: { code: string; because: string }[];
}

test('a dry run waits (3) and queues nothing; applied (0); again there is nothing to do (0)', async (t) => {
  const setup = await localSetup(t);
  await setup.ask('sources', 'add', '--code', 'phac', '--name', 'P', '--seed', 'https://p.example/');
  const schedule = async (...more: string[]): Promise<[number | null, Plan]> => {
    const { status, stdout } = await setup.spawn('campaign', 'schedule', '--year', '2026', '--json', ...more);
    return [status, JSON.parse(stdout) as Plan];
  };
  const before = setup.databaseContent();
  const [dryStatus, dry] = await schedule();
  assert.equal(dryStatus, 3);
  assert.deepEqual([dry.mode, dry.verdict, dry.refusals], ['dry-run', 'planned', []]);
  assert.equal(setup.databaseContent(), before);
  const [status, applied] = await schedule('--apply');
  assert.equal(status, 0);
  assert.deepEqual([applied.mode, applied.verdict], ['apply', 'done']);
  const planned = dry.steps.map((step) => ({ ...step, outcome: 'done' }));
  assert.deepEqual(
    applied.steps.map((step) => ({ ...step, job_id: null })),
    planned,
    'what was shown is what was done',
  );
  assert.deepEqual(
    applied.steps.map((step) => [step.name, step.path, step.job_id]),
    [
      ['hc-2026', `${setup.jobsRoot}/hc/hc-2026`, 1],
      ['phac-2026', `${setup.jobsRoot}/phac/phac-2026`, 2],
    ],
  );
  const done = setup.databaseContent();
  for (const more of [['--apply'], []]) {
    const [again, plan] = await schedule(...more);
    assert.equal(again, 0);
    assert.deepEqual([plan.verdict, plan.steps], ['nothing_to_do', []]);
  }
  assert.equal(setup.databaseContent(), done);
  const next = await setup.run('campaign', 'schedule', '--year', '2027');
  assert.equal(next.status, 3, 'another year is another campaign');
  const job = await setup.ask('jobs', 'show', '1');
  assert.deepEqual([job['campaign_kind'], job['campaign_year']], ['annual', 2026]);
});

test('jobs of people that have the name or the directory are refused, and the other sources are served', async (t) => {
  const setup = await localSetup(t);
  for (const code of ['phac', 'cihr'])
    await setup.ask('sources', 'add', '--code', code, '--name', code, '--seed', 'https://x.example/');
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'hc-2026', '--output-dir', 'mine');
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'mine', '--output-dir', 'phac/phac-2026');
  const schedule = ['campaign', 'schedule', '--year', '2026'];
  const dry = await setup.run(...schedule, '--json');
  const plan = JSON.parse(dry.stdout) as Plan;
  assert.equal(dry.status, 3);
  assert.deepEqual(
    plan.refusals.map(({ code, because }) => [code, because.split(',')[0]]),
    [
      ['name_taken', 'source hc: job 1 has the name hc-2026 already'],
      ['output_dir_taken', 'source phac: job 2'],
    ],
  );
  const applied = await setup.run(...schedule, '--apply');
  assert.equal(applied.status, 5);
  assert.match(applied.stderr, /Refused: source hc: job 1.*\nRefused: source phac: job 2/);
  assert.match(applied.stdout, /cihr-2026/);
  assert.doesNotMatch(applied.stdout, /phac-2026|hc-2026/);
});
