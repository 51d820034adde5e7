/** What people see of jobs, on a screen: it fits, it says why, and its colours say nothing that its words do not. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters, styleText } from 'node:util';
import textWidth from 'fast-string-truncated-width';
import fc from 'fast-check';
import { jobTable } from '../../src/cli/jobs-list.ts';
import { storageStates } from '../../src/core/storage/path-state.ts';
import { jobStatuses, type Job } from '../../src/core/jobs/job.ts';
import { inProcess, isHarmless, localSetup, program, runProgram, type LocalSetup } from './setup.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');

const job: Job = {
  id: 7,
  source: 'phac',
  name: 'phac-20260301T113000Z',
  status: 'queued',
  crawlerStatus: null,
  retryCount: 0,
  outputDir: '/srv/healtharchive/jobs/phac/phac-20260301T113000Z',
  seeds: ['https://www.canada.ca/en/public-health.html'],
  waitSeconds: 1,
  campaignKind: null,
  campaignYear: null,
  queuedAtMs: nowMs,
  createdAtMs: nowMs,
  startedAtMs: null,
  finishedAtMs: null,
  infraRetry: null,
  backoff: null,
  attempts: 0,
  lostInARow: 0,
  unreachableInARow: 0,
  lastError: null,
  parked: null,
  storageIdentity: null,
  mostArchivedBytes: 0,
  lease: null,
  stopRequest: null,
  progress: null,
};
const progress = {
  pages: 12345,
  bytes: 123_456_789,
  currentUrl: 'https://www.canada.ca/en/a/page.html',
  bytesPerSecond: 1,
  urls: null,
};

/** The last column of the one job's row. */
function note(change: Partial<Job>, columns: number): string {
  const [header = '', row = ''] = jobTable([{ ...job, ...change }], nowMs, { columns, hasColours: false });
  return row.slice(header.indexOf('NOTE'));
}

const notes: readonly (readonly [name: string, change: Partial<Job>, note: string])[] = [
  ['queued', {}, ''],
  [
    'parked, today',
    { parked: { reason: 'dead', detail: 'ENOTCONN', sinceMs: nowMs - 60_000 } },
    'parked: dead since 11:59',
  ],
  [
    'in cooldown',
    {
      status: 'retryable',
      crawlerStatus: 'infra_error',
      infraRetry: { atMs: nowMs + 600_000, lengthMs: 600_000 },
    },
    'again 12:10:00, infra error',
  ],
  ['running', { status: 'running', progress }, 'www.canada.ca/en/a/page.html'],
  ['asked to stop', { status: 'running', progress, stopRequest: 'cancel' }, 'is asked to stop'],
  ['given up', { status: 'failed', lastError: 'No page.' }, 'No page.'],
  ['done', { status: 'completed', progress }, ''],
];

for (const [name, change, expected] of notes)
  test(`NOTE of a job that is ${name}`, () => {
    assert.equal(note(change, 200), expected);
    const narrow = note(change, 80);
    assert.ok(narrow === expected || expected.startsWith(narrow.replace(/…$/, '')), narrow);
    assert.ok(narrow.length >= Math.min(expected.length, 16), `enough is left of it: ${narrow}`);
  });

test('why a job is parked and since when is whole on 80 columns, however long its name is', () => {
  for (const reason of storageStates) {
    const parked = { reason, detail: '', sinceMs: nowMs - 60_000 };
    assert.equal(
      note({ parked, name: 'n'.repeat(99), id: 999, progress }, 80),
      `parked: ${reason} since 11:59`,
    );
  }
});

test('parked since another day: with the day', () => {
  const parked = { reason: 'hung', detail: '', sinceMs: nowMs - 86_400_000 } as const;
  assert.equal(note({ parked }, 200), 'parked: hung since 02-28 12:00');
});

test('property: no line is wider than the screen, whatever the jobs are called', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 });
  const anyJob = fc.record({
    id: fc.integer({ min: 1, max: 9_999_999 }),
    name: text,
    source: fc.constantFrom('hc', 'a-source-with-a-long-code'),
    status: fc.constantFrom(...jobStatuses),
    lastError: text,
    progress: fc.constantFrom(null, progress, {
      ...progress,
      currentUrl: `https://x.example/${'漢字'.repeat(200)}`,
    }),
    parked: fc.constantFrom(null, { reason: 'unwritable', detail: '', sinceMs: 0 } as const),
  });
  fc.assert(
    fc.property(fc.array(anyJob, { maxLength: 5 }), fc.integer({ min: 70, max: 250 }), (changes, columns) => {
      const jobs = changes.map((change) => ({ ...job, ...change }));
      const plain = jobTable(jobs, nowMs, { columns, hasColours: false });
      for (const line of plain) {
        assert.ok(textWidth(line).width <= columns, line);
        assert.ok(isHarmless(line), JSON.stringify(line));
      }
      const coloured = jobTable(jobs, nowMs, { columns, hasColours: true });
      assert.deepEqual(
        coloured.map((line) => stripVTControlCharacters(line).trimEnd()),
        plain,
      );
    }),
  );
});

/** Runs a command line with a terminal of 80 columns and 24 rows around it. */
async function onTerminal(
  setup: LocalSetup,
  line: string,
  env: Record<string, string> = {},
): Promise<string> {
  const command = `stty cols 80 rows 24; exec '${program}' ${line}`;
  const typescript = join(setup.dir, 'typescript');
  await runProgram('script', ['--quiet', '--echo', 'never', '--command', command, typescript], {
    env: { ...setup.environment, TERM: 'xterm-256color', ...env },
  });
  const text = readFileSync(typescript, 'utf8').replaceAll('\r', '');
  rmSync(typescript);
  return text
    .split('\n')
    .slice(1, -1)
    .join('\n')
    .replace(/\n\nScript done[^]*$/, '');
}

async function withOddJobs(setup: LocalSetup): Promise<void> {
  for (const name of ['short', 'n'.repeat(200), 'santé 🍁 漢字'.repeat(9)])
    await setup.ask('jobs', 'add', '--source', 'hc', '--name', name);
  await setup.withStore(async (jobs) => {
    await jobs.park(1, { reason: 'dead', detail: 'ENOTCONN '.repeat(30) }, 'w'.repeat(100), Date.now());
  });
}

test('on a real terminal of 80 columns: list, show and watch fit, in colours; with NO_COLOR without', async (t) => {
  const setup = await localSetup(t);
  await withOddJobs(setup);
  for (const line of ['jobs list', 'jobs show 1', 'jobs show 2']) {
    const text = await onTerminal(setup, line);
    for (const one of text.split('\n'))
      assert.ok(textWidth(stripVTControlCharacters(one)).width <= 80, `${line}: ${one}`);
    assert.match(text, /parked|n{20}/, line);
    const plain = await onTerminal(setup, line, { NO_COLOR: '1' });
    assert.equal(stripVTControlCharacters(plain), plain, line);
  }
  const list = await onTerminal(setup, 'jobs list');
  assert.ok(list.includes(styleText('yellow', 'queued', { validateStream: false })), list);
  assert.match(list, /parked: dead since \d\d:\d\d/);
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      await tx
        .updateTable('jobs')
        .set({ status: 'failed', last_error: 'why '.repeat(99) })
        .execute();
    });
  });
  const watched = await onTerminal(setup, 'jobs watch');
  assert.match(stripVTControlCharacters(watched), /^\d\d:\d\d:\d\d UTC {2}3 failed/);
  for (const one of watched.split('\n')) assert.ok(textWidth(stripVTControlCharacters(one)).width <= 80, one);
});

test('jobs watch on a screen that is too low shows what runs and waits first, and counts the rest', async (t) => {
  const setup = await localSetup(t);
  for (let index = 1; index <= 12; index += 1)
    await setup.ask('jobs', 'add', '--source', 'hc', '--name', `job-${index}`);
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      await tx.updateTable('jobs').set({ status: 'failed' }).execute();
    });
  });
  const screen = { isInteractive: true, columns: 80, rows: 10 };
  const { stdout } = await inProcess(['jobs', 'watch'], setup.environment, screen);
  const shown = stripVTControlCharacters(stdout).split('\n');
  assert.ok(shown.length <= 10, stdout);
  assert.deepEqual(
    shown.slice(3, 8).map((line) => line.split(/\s+/)[0]),
    ['8', '9', '10', '11', '12'],
  );
  assert.match(stdout, /^and 7 more/m);
});

test('jobs list: of one source, the newest', async (t) => {
  const setup = await localSetup(t);
  await setup.ask('sources', 'add', '--code', 'phac', '--name', 'P', '--seed', 'https://p.example/');
  for (const [source, name] of [
    ['hc', 'one'],
    ['phac', 'two'],
    ['hc', 'three'],
    ['hc', 'four'],
  ] as const)
    await setup.ask('jobs', 'add', '--source', source, '--name', name);
  const names = async (...args: string[]) => {
    const { jobs } = (await setup.ask('jobs', 'list', ...args)) as { jobs: { name: string }[] };
    return jobs.map(({ name }) => name);
  };
  assert.deepEqual(await names('--source', 'hc'), ['one', 'three', 'four']);
  assert.deepEqual(await names('--limit', '2'), ['three', 'four']);
  assert.deepEqual(await names('--source', 'hc', '--limit', '1', '--status', 'queued'), ['four']);
  assert.deepEqual(await names('--source', 'nope'), []);
  const none = await setup.run('jobs', 'list', '--source', 'nope');
  assert.deepEqual([none.status, none.stdout], [0, '']);
  assert.match(none.stderr, /no such jobs/);
  for (const limit of ['0', '-1', 'x', '1.5'])
    assert.equal((await setup.run('jobs', 'list', '--limit', limit)).status, 2, limit);
});

/** A job with two attempts and their logs, as a worker leaves them. */
async function withLogs(setup: LocalSetup): Promise<{ write: (attempt: number, text: string) => void }> {
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'one');
  const write = (attempt: number, text: string): void => {
    const folder = join(setup.dir, 'ops/attempts', `1-00${attempt}`);
    mkdirSync(folder, { recursive: true });
    appendFileSync(join(folder, 'log'), text);
  };
  write(1, 'first attempt\n');
  write(2, 'second attempt\nwith \u001b[31m colour\n');
  await setState(setup, 'retryable', 2);
  return { write };
}

async function setState(setup: LocalSetup, status: Job['status'], attempts: number): Promise<void> {
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      await tx.updateTable('jobs').set({ status, attempts }).execute();
    });
  });
}

test('jobs log: of the last attempt, or the one that is asked for; escaped on a terminal only', async (t) => {
  const setup = await localSetup(t);
  const { write } = await withLogs(setup);
  assert.equal((await setup.run('jobs', 'log', '1')).stdout, 'second attempt\nwith \u001b[31m colour\n');
  assert.equal((await setup.run('jobs', 'log', '1', '--attempt', '1')).stdout, 'first attempt\n');
  const shown = await inProcess(['jobs', 'log', '1'], setup.environment, {
    isInteractive: true,
    columns: 80,
  });
  assert.ok(isHarmless(shown.stdout), shown.stdout);
  write(1, 'cut by a kill');
  const cut = await setup.run('jobs', 'log', '1', '--attempt', '1');
  assert.equal(cut.stdout, 'first attempt\ncut by a kill\n', 'a last line without its end');
  const beyond = await setup.run('jobs', 'log', '1', '--attempt', '3');
  assert.deepEqual([beyond.status, beyond.stderr], [1, 'healtharchive: job 1 has had 2 attempts.\n']);
  rmSync(join(setup.dir, 'ops/attempts/1-002'), { recursive: true });
  const gone = await setup.run('jobs', 'log', '1');
  assert.equal(gone.status, 1);
  assert.match(
    gone.stderr,
    /ran on another host, or its log was removed\.\n {2}to mend it: a copy lies in .*\/attempts\/002\//,
  );
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'two');
  assert.match((await setup.run('jobs', 'log', '2')).stderr, /job 2 has had no attempt yet/);
});

test('jobs log -f goes on through further attempts, until the job is over', async (t) => {
  const setup = await localSetup(t);
  const { write } = await withLogs(setup);
  await setState(setup, 'running', 2);
  const following = setup.run('jobs', 'log', '1', '-f');
  await sleep(700);
  write(2, 'more of the ');
  await sleep(700);
  write(2, 'second\n');
  await setState(setup, 'retryable', 2);
  await sleep(700);
  write(3, 'third attempt\n');
  await setState(setup, 'running', 3);
  await sleep(1200);
  write(3, 'the end\n');
  await setState(setup, 'completed', 3);
  const { status, stdout } = await following;
  assert.equal(status, 0);
  assert.equal(
    stdout,
    'second attempt\nwith \u001b[31m colour\nmore of the second\nthird attempt\nthe end\n',
  );
});

test('jobs list shows the newest fifty, says so, and all of them with --all; as JSON likewise', async (t) => {
  const setup = await localSetup(t);
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'first');
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      const row = await tx.selectFrom('jobs').selectAll().executeTakeFirstOrThrow();
      // More than a page of what is read at a time.
      for (let index = 2; index <= 1203; index += 1)
        await tx
          .insertInto('jobs')
          .values({
            ...row,
            id: index,
            name: `job-${index}`,
            output_dir: `/j/${index}`,
            status: index % 2 === 0 ? 'failed' : 'queued',
          })
          .execute();
    });
  });
  const ids = async (...args: string[]): Promise<number[]> => {
    const { jobs } = (await setup.ask('jobs', 'list', ...args)) as { jobs: { id: number }[] };
    return jobs.map(({ id }) => id);
  };
  const upTo = (last: number, count: number) =>
    Array.from({ length: count }, (_, index) => last - count + 1 + index);
  assert.deepEqual(await ids(), upTo(1203, 50));
  assert.deepEqual(await ids('--all'), upTo(1203, 1203));
  assert.deepEqual(await ids('--limit', '1100'), upTo(1203, 1100));
  assert.deepEqual(await ids('--limit', '5000'), upTo(1203, 1203));
  assert.equal((await ids('--status', 'failed', '--all')).length, 601);
  const people = await setup.run('jobs', 'list');
  assert.equal(people.stdout.trim().split('\n').length, 51);
  assert.match(people.stderr, /These are the newest 50; all of them: --all\./);
  assert.equal((await setup.run('jobs', 'list', '--all', '--limit', '3')).status, 2);
});
