import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localSetup } from './setup.ts';

/** The fields of a job that the contract fixes. */
const jobFields = [
  'id',
  'source',
  'name',
  'status',
  'crawler_status',
  'retry_count',
  'output_dir',
  'campaign_kind',
  'campaign_year',
  'queued_at',
  'created_at',
  'started_at',
  'finished_at',
  'infra_error_next_attempt_utc',
  'next_attempt_at',
  'attempts',
  'last_error',
  'parked',
];
const planFields = ['mode', 'verdict', 'reason', 'steps', 'refusals'];

/** Every command that answers, in an order in which each can. */
const answers: readonly (readonly [args: readonly string[], status: number, fields: readonly string[]])[] = [
  [['db', 'migrate'], 0, ['applied']],
  [['db', 'migrate', '--dry-run'], 0, ['code_version', 'oldest_code', 'pending']],
  [
    ['sources', 'add', '--code', 'phac', '--name', 'P', '--seed', 'https://p.example/'],
    0,
    ['code', 'name', 'seeds'],
  ],
  [['sources', 'list'], 0, ['sources']],
  [['jobs', 'add', '--source', 'hc', '--name', 'one'], 0, jobFields],
  [['jobs', 'list'], 0, ['jobs']],
  [['jobs', 'list', '--status', 'failed'], 0, ['jobs']],
  [['jobs', 'show', '1'], 0, [...jobFields, 'attempt_list', 'events']],
  [['jobs', 'cancel', '1'], 0, jobFields],
  [['jobs', 'retry', '1'], 0, jobFields],
  [['sources', 'edit', 'phac', '--wait-seconds', '2'], 0, ['code', 'name', 'seeds', 'wait_seconds']],
  [['sources', 'remove', 'phac'], 0, ['removed']],
  [['jobs', 'recover-stale'], 0, planFields],
  [['campaign', 'schedule', '--year', '2026'], 3, planFields],
  [['campaign', 'schedule', '--year', '2026', '--apply'], 0, planFields],
];

test('--json: exactly one document on standard output, with the fields of the contract', async (t) => {
  const setup = await localSetup(t);
  for (const [args, expected, fields] of answers) {
    const { status, stdout, stderr } = await setup.run(...args, '--json');
    const line = args.join(' ');
    assert.equal(status, expected, `${line}: ${stderr}`);
    assert.equal(stderr, '', `${line}: nothing to say beside the answer`);
    const document = JSON.parse(stdout) as Record<string, unknown>;
    const lacking = fields.filter((field) => !(field in document));
    assert.deepEqual(lacking, [], `${line} lacks fields`);
  }
  const { status, stdout, stderr } = await setup.spawn('jobs', 'show', '1', '--json');
  assert.deepEqual([status, stderr], [0, ''], 'the real program');
  assert.deepEqual(JSON.parse(stdout), await setup.ask('jobs', 'show', '1'));
});

test('a job in JSON: types, times and null as the contract has them', async (t) => {
  const setup = await localSetup(t);
  const job = await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'one');
  for (const field of ['queued_at', 'created_at'])
    assert.match(String(job[field]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, field);
  const fixed = Object.fromEntries(
    jobFields.filter((field) => !/^(queued|created)_at$/.test(field)).map((field) => [field, job[field]]),
  );
  assert.deepEqual(fixed, {
    id: 1,
    source: 'hc',
    name: 'one',
    status: 'queued',
    crawler_status: null,
    retry_count: 0,
    output_dir: `${setup.jobsRoot}/hc/one`,
    campaign_kind: null,
    campaign_year: null,
    started_at: null,
    finished_at: null,
    infra_error_next_attempt_utc: null,
    next_attempt_at: null,
    attempts: 0,
    last_error: null,
    parked: null,
  });
  const shown = await setup.ask('jobs', 'show', '1');
  const { attempt_list, events, ...alone } = shown;
  assert.deepEqual(alone, job, 'jobs show is the job and more');
  assert.deepEqual(attempt_list, []);
  assert.equal((events as { kind: string }[])[0]?.kind, 'added');
  assert.deepEqual((await setup.ask('jobs', 'list'))['jobs'], [job]);
});

test('parked, in cooldown, attempted: what a worker leaves is there to be read', async (t) => {
  const setup = await localSetup(t);
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'one');
  const nowMs = Date.parse('2026-03-01T12:00:00.000Z');
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      await tx
        .updateTable('jobs')
        .set({
          status: 'retryable',
          parked_reason: 'dead',
          parked_detail: 'ENOTCONN',
          parked_since_ms: nowMs,
          infra_retry_ms: Date.now() - 5,
          infra_retry_length_ms: 600_000,
        })
        .execute();
    });
  });
  const job = await setup.ask('jobs', 'show', '1');
  assert.deepEqual(job['parked'], { reason: 'dead', since: '2026-03-01T12:00:00.000Z', detail: 'ENOTCONN' });
  assert.equal(job['infra_error_next_attempt_utc'], job['next_attempt_at']);
  const { stdout } = await setup.run('jobs', 'list');
  assert.match(stdout, / retryable .*parked: dead since (03-01 12:00|2026-03-01)$/m);
});

test('errors leave standard output empty, with --json too', async (t) => {
  const setup = await localSetup(t);
  for (const [args, expected] of [
    [['jobs', 'show', '7'], 2],
    [['jobs', 'add', '--source', 'nope'], 2],
    [['jobs', 'list', '--config', '/nowhere'], 4],
    [['jobs', 'list', '--nope'], 2],
  ] as const) {
    const { status, stdout, stderr } = await setup.run(...args, '--json');
    assert.equal(status, expected, stderr);
    assert.equal(stdout, '', args.join(' '));
    assert.notEqual(stderr, '');
  }
});
