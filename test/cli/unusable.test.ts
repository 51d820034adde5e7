import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { healtharchive, inProcess, localSetup, temporaryFolder, type Outcome } from './setup.ts';

/** Commands that can't do without the database; one for each file that opens it. */
const needDatabase = [
  ['sources', 'list'],
  ['sources', 'add', '--code', 'x', '--name', 'X', '--seed', 'https://x.example/'],
  ['sources', 'edit', 'hc', '--name', 'x'],
  ['sources', 'remove', 'hc'],
  ['jobs', 'add', '--source', 'hc'],
  ['jobs', 'list'],
  ['jobs', 'show', '1'],
  ['jobs', 'retry', '1'],
  ['jobs', 'cancel', '1'],
  ['jobs', 'recover-stale', '--apply'],
  ['jobs', 'watch'],
  ['campaign', 'schedule', '--year', '2026', '--apply'],
  ['worker', 'run', '--drain'],
];

function assertUnusable({ status, stdout, stderr }: Outcome, complaint: RegExp): void {
  assert.equal(status, 4, stderr);
  assert.match(stderr, complaint);
  assert.doesNotMatch(stderr, /this is a bug/);
  assert.equal(stdout, '');
}

describe('the database is not usable: status 4, and the command that mends it', () => {
  test('a missing one is named and never made', async (t) => {
    const setup = await localSetup(t);
    const file = join(setup.dir, 'healtharchive.db');
    rmSync(file);
    for (const args of needDatabase) {
      const complaint = /healtharchive\.db does not exist\.\n {2}to mend it: healtharchive db migrate/;
      assertUnusable(await setup.run(...args), complaint);
      assert.equal(existsSync(file), false, `${args.join(' ')} made a database`);
    }
    assertUnusable(await setup.spawn('jobs', 'list'), /does not exist.*\n.*healtharchive db migrate/);
    assert.equal(existsSync(file), false);
    assert.equal((await setup.spawn('db', 'migrate')).status, 0);
    assert.equal((await setup.run('jobs', 'list')).status, 0);
  });

  test('an empty file is not migrated, and stays without tables', async (t) => {
    const setup = await localSetup(t);
    const file = join(setup.dir, 'healtharchive.db');
    writeFileSync(file, '');
    for (const args of needDatabase)
      assertUnusable(await setup.run(...args), /has no tables of ours yet.*\n.*healtharchive db migrate/);
    const database = new DatabaseSync(file);
    assert.deepEqual(database.prepare('select * from sqlite_master').all(), []);
    database.close();
  });

  test('another file is no database, and is left as it is', async (t) => {
    const setup = await localSetup(t);
    const file = join(setup.dir, 'healtharchive.db');
    writeFileSync(file, 'not a database, but longer than the header of one would be: '.repeat(99));
    const before = readFileSync(file, 'utf8');
    for (const args of [...needDatabase, ['db', 'migrate']])
      assertUnusable(await setup.run(...args), /is not a SQLite database/);
    assert.equal(readFileSync(file, 'utf8'), before);
  });

  test('one that a newer release made for itself is not touched', async (t) => {
    const setup = await localSetup(t);
    const database = new DatabaseSync(join(setup.dir, 'healtharchive.db'));
    database.exec('update schema_state set version = 99, oldest_code = 98');
    for (const args of [...needDatabase, ['db', 'migrate']])
      assertUnusable(await setup.run(...args), /needs code of schema version 98 or later/);
    database.exec('update schema_state set oldest_code = 1');
    database.close();
    assert.equal((await setup.run('jobs', 'list')).status, 0, 'newer, but made to serve this code too');
    assert.deepEqual(await setup.ask('db', 'migrate'), { applied: [] });
  });
});

describe('the configuration is not usable: status 4, nothing else happens', () => {
  test('a wrong key: file, key, value and the nearest right key', async (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'config.toml');
    writeFileSync(file, '[worker]\npoll_second = 5\n');
    assertUnusable(
      await healtharchive(['jobs', 'list', '--config', file]),
      /^healtharchive: \/.*config\.toml: unknown key \[worker\] poll_second = 5; did you mean poll_seconds\?\n$/,
    );
  });

  test('--config wins over the variable, and stands before or after the command', async (t) => {
    const setup = await localSetup(t);
    const env = { HEALTHARCHIVE_CONFIG: '/nowhere/config.toml' };
    for (const args of [
      ['--config', setup.config, 'jobs', 'list'],
      ['jobs', '--config', setup.config, 'list'],
      ['jobs', 'list', '--config', setup.config],
    ])
      assert.equal((await inProcess(args, env)).status, 0, args.join(' '));
    assertUnusable(await inProcess(['jobs', 'list'], env), /\/nowhere\/config\.toml does not exist/);
  });

  test('one in the working directory is never read', async (t) => {
    const setup = await localSetup(t);
    const { status, stderr } = await inProcess(['jobs', 'list'], { PWD: setup.dir });
    assert.equal(status, 4);
    assert.match(stderr, /\/etc\/healtharchive\/config\.toml does not exist/);
  });

  test('a wrong database address in the environment is not repeated', async (t) => {
    const setup = await localSetup(t);
    const env = { ...setup.environment, HEALTHARCHIVE_DATABASE_URL: 'mysql://me:hunter2@db/x' };
    const outcome = await inProcess(['jobs', 'list'], env);
    assertUnusable(outcome, /^healtharchive: \$HEALTHARCHIVE_DATABASE_URL: must be/);
    assert.doesNotMatch(outcome.stderr, /hunter2/);
  });

  test('a PostgreSQL that is not there is named without its password', async (t) => {
    const setup = await localSetup(t);
    const url = 'postgres://me:hunter2@127.0.0.1:1/archive';
    const outcome = await inProcess(['jobs', 'list'], {
      ...setup.environment,
      HEALTHARCHIVE_DATABASE_URL: url,
    });
    assertUnusable(outcome, /the database postgres:\/\/127\.0\.0\.1:1\/archive does not answer/);
    assert.doesNotMatch(outcome.stderr, /hunter2/);
  });
});
