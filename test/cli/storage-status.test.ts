import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { isHarmless, localSetup, type LocalSetup, type Outcome, type Owner } from './setup.ts';

interface Answer {
  readonly base: Record<string, unknown> | null;
  readonly hot_paths: readonly Record<string, unknown>[];
  readonly manifest_problems: readonly Record<string, unknown>[];
  readonly jobs_known: boolean;
  readonly jobs_unknown_because: string | null;
}

/** With a storage box in the configuration that is not mounted, and a manifest. */
async function setupWithBox(t: Owner, manifest: string | null): Promise<LocalSetup & { manifest: string }> {
  const setup = await localSetup(t);
  const file = join(setup.dir, 'binds');
  mkdirSync(join(setup.dir, 'box'));
  const text = readFileSync(setup.config, 'utf8')
    .replace(/^mount = .*$/m, `mount = "${setup.dir}/box"`)
    .replace(/^cold_root = .*$/m, `cold_root = "${setup.dir}/box/jobs"`)
    .replace(/^manifest = .*$/m, `manifest = "${file}"`);
  writeFileSync(setup.config, text);
  if (manifest !== null) writeFileSync(file, manifest.replaceAll('DIR', setup.dir));
  return Object.assign(setup, { manifest: file });
}

async function status(setup: LocalSetup): Promise<Outcome & { answer: Answer }> {
  const outcome = await setup.run('storage', 'status', '--json');
  return { ...outcome, answer: JSON.parse(outcome.stdout) as Answer };
}

describe('storage status, all well', () => {
  test('without a storage box and without jobs', async (t) => {
    const setup = await localSetup(t);
    const page = await setup.spawn('storage', 'status');
    assert.deepEqual(
      [page.status, page.stdout, page.stderr],
      [0, 'All is well: no storage box is configured, and nobody needs a hot path.\n', ''],
    );
    const { answer, status: exit } = await status(setup);
    assert.equal(exit, 0);
    assert.deepEqual(answer, {
      base: null,
      refused_units: [],
      hot_paths: [],
      manifest_problems: [],
      jobs_known: true,
      jobs_unknown_because: null,
    });
  });

  test('a job on a local directory', async (t) => {
    const setup = await localSetup(t);
    await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'one');
    const page = await setup.run('storage', 'status');
    assert.equal(page.status, 0);
    assert.match(page.stdout, /^All is well: 1 hot path, all healthy \(no storage box is configured\)\.\n\n/);
    assert.match(page.stdout, new RegExp(`^ {2}${setup.jobsRoot}/hc/one\\s+job 1 \\(queued\\)$`, 'm'));
    const { answer } = await status(setup);
    assert.deepEqual(answer.hot_paths, [
      {
        path: `${setup.jobsRoot}/hc/one`,
        state: 'healthy',
        errno: null,
        reason: 'not made yet; what it will lie on answers',
        cold_path: null,
        tiered: false,
        mount: null,
        jobs: [1],
        parked_jobs: [],
        parked: [],
        foreign_mounts: [],
        in_manifest: false,
        shadowed: null,
      },
    ]);
  });
});

describe('storage status, the box is not mounted', () => {
  test('what is wrong comes first, with its meaning and what to run; base before hot paths', async (t) => {
    const setup = await setupWithBox(t, 'DIR/box/jobs/moved DIR/jobs/moved\n');
    await setup.ask('campaign', 'schedule', '--year', String(new Date().getUTCFullYear()), '--apply');
    await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'ordinary');
    const { status: exit, stdout, stderr } = await setup.spawn('storage', 'status');
    assert.deepEqual([exit, stderr], [3, '']);
    const lines = stdout.split('\n');
    assert.match(lines[0] ?? '', /^ATTENTION: storage box missing, 2 of 3 hot paths not well\.$/);
    assert.match(lines[2] ?? '', /^MISSING: not mounted: /);
    const places = [
      // A long path stands on a line for itself, so nothing is said of what follows it.
      `${setup.dir}/box`,
      `${setup.jobsRoot}/moved`,
      'systemctl start healtharchive-storagebox-sshfs.service ',
      'healtharchive storage tier',
      'HEALTHY\n',
      `${setup.jobsRoot}/hc/ordinary`,
    ].map((text) => [text, stdout.indexOf(text)] as const);
    for (const [text, at] of places) assert.notEqual(at, -1, `${text}\n${stdout}`);
    const order = places.map(([, at]) => at);
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
      stdout,
    );
    assert.equal(stdout.match(/systemctl start/g)?.length, 1, 'each step once');
    assert.match(stdout, /moved\s+manifest$/m);

    const { answer } = await status(setup);
    assert.deepEqual(answer.base, {
      path: `${setup.dir}/box`,
      state: 'missing',
      errno: null,
      reason: 'no fuse.sshfs file system is mounted',
      mount: null,
      free_bytes: null,
      free_percent: null,
    });
    assert.deepEqual(
      answer.hot_paths.map(({ state, tiered, in_manifest, jobs, mount }) => [
        state,
        tiered,
        in_manifest,
        jobs,
        mount,
      ]),
      [
        ['missing', true, false, [1], null],
        ['healthy', false, false, [2], null],
        ['missing', true, true, [], null],
      ],
    );
    const moved = answer.hot_paths.find(({ in_manifest }) => in_manifest === true);
    assert.equal(moved?.['cold_path'], `${setup.dir}/box/jobs/moved`);
  });

  test('hot mounts of the configuration are shown with their unit', async (t) => {
    const setup = await localSetup(t);
    const own = `\n[[hot_mounts]]\npath = "${setup.jobsRoot}/own/"\nunit = "own.service"\n`;
    writeFileSync(setup.config, readFileSync(setup.config, 'utf8') + own);
    const { status: exit, stdout } = await setup.run('storage', 'status');
    assert.equal(exit, 3);
    assert.match(stdout, /\/own +own\.service\n/);
    assert.match(stdout, /next {2}systemctl start own\.service/);
  });
});

describe('storage status, the manifest', () => {
  test('one that can not be read is a problem like others, and everything else is shown', async (t) => {
    const setup = await setupWithBox(t, null);
    mkdirSync(setup.manifest);
    await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'one');
    const { answer, status: exit, stderr } = await status(setup);
    assert.deepEqual([exit, stderr], [3, '']);
    assert.equal(answer.hot_paths.length, 1);
    assert.equal(answer.manifest_problems[0]?.['line'], null);
    assert.match(String(answer.manifest_problems[0]['message']), /can't be read \(EISDIR\)/);
    const page = await setup.run('storage', 'status');
    assert.match(page.stdout, /manifest not in order\.\n\nMANIFEST: /);
    assert.match(page.stdout, /EISDIR/);
  });

  test('refused lines are shown with their numbers, escaped; the good ones count', async (t) => {
    const setup = await setupWithBox(
      t,
      '# comment\nDIR/box/jobs/a DIR/jobs/a\n\u001b[2J only\nDIR/box/b \u202e/etc\n',
    );
    const page = await setup.run('storage', 'status');
    assert.equal(page.status, 3);
    assert.ok(isHarmless(page.stdout), JSON.stringify(page.stdout));
    assert.match(page.stdout, /line 3: .*\n {8}line 4: /);
    const { answer } = await status(setup);
    assert.deepEqual(
      [
        answer.manifest_problems.map(({ line }) => line),
        answer.hot_paths.map(({ in_manifest }) => in_manifest),
      ],
      [[3, 4], [true]],
    );
  });
});

describe('storage status without the database', () => {
  /** Jobs unknown; the manifest's line is still there. */
  async function assertUnknown(setup: LocalSetup, because: RegExp, fix: RegExp | null, withinMs = 20_000) {
    const startedAt = performance.now();
    const { status: exit, stdout, stderr } = await setup.run('storage', 'status', '--json');
    const took = performance.now() - startedAt;
    assert.equal(exit, 3);
    const answer = JSON.parse(stdout) as Answer;
    assert.equal(answer.jobs_known, false);
    assert.match(answer.jobs_unknown_because ?? '', because);
    assert.match(stderr, /^healtharchive: the jobs are not known: .*\n$/);
    assert.deepEqual(
      answer.hot_paths.map(({ in_manifest, jobs }) => [in_manifest, jobs]),
      [[true, []]],
    );
    assert.ok(took < withinMs, `took ${took} ms`);
    const page = await setup.run('storage', 'status');
    assert.deepEqual([page.status, page.stderr], [3, '']);
    assert.match(page.stdout, /jobs not known\.\n\nJOBS NOT KNOWN: /);
    if (fix !== null) assert.match(page.stdout, fix);
  }
  const line = 'DIR/box/jobs/a DIR/jobs/a\n';
  const migrate = /next {2}healtharchive db migrate/;

  test('it is missing', async (t) => {
    const setup = await setupWithBox(t, line);
    rmSync(join(setup.dir, 'healtharchive.db'));
    await assertUnknown(setup, /healtharchive\.db does not exist/, migrate);
  });

  test('it is not migrated', async (t) => {
    const setup = await setupWithBox(t, line);
    writeFileSync(join(setup.dir, 'healtharchive.db'), '');
    await assertUnknown(setup, /has no tables of ours yet/, migrate);
  });

  test('it is another file', async (t) => {
    const setup = await setupWithBox(t, line);
    writeFileSync(join(setup.dir, 'healtharchive.db'), 'no database, but as long as one: '.repeat(99));
    await assertUnknown(setup, /is not a SQLite database/, null);
  });

  test('it is locked, so that not even reading is possible', async (t) => {
    const setup = await setupWithBox(t, line);
    const database = new DatabaseSync(join(setup.dir, 'healtharchive.db'));
    t.after(() => {
      database.close();
    });
    // Out of the write-ahead log, whose readers no writer stops.
    database.exec('pragma journal_mode = delete; begin exclusive');
    await assertUnknown(setup, /is locked|gave no answer within 2 s/, null);
  });

  test('PostgreSQL refuses the connection', async (t) => {
    const setup = await setupWithBox(t, line);
    useDatabase(setup, 'postgres://me:hunter2@127.0.0.1:1/archive');
    await assertUnknown(setup, /^the database postgres:\/\/127\.0\.0\.1:1\/archive does not answer/, null);
  });

  test('PostgreSQL accepts the connection and never says a word: bounded', async (t) => {
    const setup = await setupWithBox(t, line);
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    useDatabase(setup, `postgres://me:hunter2@127.0.0.1:${port ?? 0}/archive`);
    await assertUnknown(setup, /gave no answer within 2 s/, null, 9000);
  });

  test('with a healthy box-less setup it needs attention all the same', async (t) => {
    const setup = await localSetup(t);
    rmSync(join(setup.dir, 'healtharchive.db'));
    const { status: exit, stdout } = await setup.run('storage', 'status');
    assert.equal(exit, 3);
    assert.match(stdout, /^ATTENTION: no hot path known, jobs not known\./);
  });

  function useDatabase(setup: LocalSetup, url: string): void {
    writeFileSync(setup.config, readFileSync(setup.config, 'utf8').replace(/^url = .*$/m, `url = "${url}"`));
  }
});

describe('a job that the worker parked is shown though its path answers', () => {
  for (const [reason, detail, next] of [
    ['unwritable', 'could not sync a small file (EIO): no space is left', /make room/],
    ['denied', 'access is refused (EACCES)', /allow_other/],
    ['hung', 'no answer within 5 s', /sudo -u games healtharchive storage status/],
    ['dead', 'its file system is gone (ENOTCONN)', /as the worker sees it/],
  ] as const)
    test(`as ${reason}`, async (t) => {
      const setup = await localSetup(t);
      const config = readFileSync(setup.config, 'utf8').replace(/^user = .*$/m, 'user = "games"');
      writeFileSync(setup.config, config);
      await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'one');
      await setup.withStore(async (jobs) => {
        await jobs.park(1, { reason, detail }, 'w', Date.parse('2026-03-01T12:00:00Z'));
      });
      const page = await setup.run('storage', 'status');
      assert.equal(page.status, 3);
      assert.match(page.stdout, /^ATTENTION: 1 of 1 hot path not well\.\n\nPARKED BY THE WORKER: /);
      const text = page.stdout.replace(/\s+/g, ' ');
      assert.ok(
        text.includes(`job 1 (queued, parked) ${reason}: ${detail}; since 2026-03-01 12:00:00 UTC`),
        text,
      );
      assert.match(text, next);
      assert.equal(page.stdout.match(/job 1/g)?.length, 1, 'not among the healthy ones too');
      const { answer } = await status(setup);
      const [path] = answer.hot_paths;
      const parked = [{ job: 1, reason, detail, since: '2026-03-01T12:00:00.000Z' }];
      assert.deepEqual([path?.['state'], path?.['parked_jobs'], path?.['parked']], ['healthy', [1], parked]);
    });
});

describe('storage status, odd names', () => {
  test('are shown escaped, and stay as they are in JSON', async (t) => {
    const setup = await localSetup(t);
    const odd = ['a b', 'new\nline', '\u001b[2J\u202e', 'oct\\040al', 'x'.repeat(200), '-rf'];
    for (const [index, name] of odd.entries())
      await setup.ask('jobs', 'add', '--source', 'hc', '--name', String(index), '--output-dir', name);
    const page = await setup.run('storage', 'status');
    assert.equal(page.status, 0, page.stdout);
    assert.ok(isHarmless(page.stdout), JSON.stringify(page.stdout));
    assert.match(page.stdout, /\\u001b\[2J\\u202e/);
    assert.match(page.stdout, new RegExp(`^ {2}\\S*/x{200}\\n {6}job 5 \\(queued\\)$`, 'm'), 'never cut');
    const { answer } = await status(setup);
    assert.deepEqual(
      new Set(answer.hot_paths.map(({ path }) => path)),
      new Set(odd.map((name) => join(setup.jobsRoot, name))),
    );
  });
});

test('storage status, bad input: status 2 or 4, nothing on standard output', async (t) => {
  const setup = await localSetup(t);
  for (const [args, expected, complaint] of [
    [['--jso'], 2, /unknown option '--jso'/],
    [['extra'], 2, /too many arguments/],
    [['--config', '/nowhere'], 4, /\/nowhere does not exist/],
  ] as const) {
    const outcome = await setup.run('storage', 'status', ...args);
    assert.equal(outcome.status, expected);
    assert.match(outcome.stderr, complaint);
    assert.equal(outcome.stdout, '');
  }
});
