import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { DatabaseUnavailableError, DatabaseUnusableError } from '../../src/core/errors.ts';
import { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { PostgresCluster, postgresBinaries } from './databases.ts';

const mustNotSkip = process.env['HEALTHARCHIVE_TEST_SKIP_NOTHING'] === '1';

async function addSource(database: Database, code: string): Promise<void> {
  await new SourceStore(database).add({ code, name: code, seeds: [], waitSeconds: 0 }, 1);
}

async function codes(database: Database): Promise<string[]> {
  return (await new SourceStore(database).list()).map((source) => source.code);
}

function unavailable(words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DatabaseUnavailableError, String(error));
    assert.match(error.message, words);
    return true;
  };
}

function unusable(words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DatabaseUnusableError, String(error));
    assert.match(error.message, words);
    return true;
  };
}

describe('SQLite in trouble', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-trouble-'));
  chmodSync(folder, 0o755);
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  let count = 0;

  /** A migrated database in a folder of its own, open, with a short patience. */
  async function fresh(t: TestContext, patienceMs = 300): Promise<{ file: string; database: Database }> {
    const place = join(folder, String(++count));
    mkdirSync(place);
    const file = join(place, 'db');
    const maker = new Database(`sqlite:${file}`, { create: true });
    await migrate(maker);
    await addSource(maker, 'first');
    await maker.close();
    const database = new Database(`sqlite:${file}`, { patienceMs });
    t.after(async () => {
      await database.close();
    });
    return { file, database };
  }

  /** Another process that holds the write lock of a database until it is told to let go. */
  async function lockElsewhere(t: TestContext, file: string): Promise<() => void> {
    const script = `
      const database = new (require('node:sqlite').DatabaseSync)(process.argv[1]);
      database.exec('begin immediate');
      process.stdout.write('locked');
      process.stdin.once('data', () => { database.exec('rollback'); process.exit(0); });
    `;
    const child = spawn(process.execPath, ['--no-warnings', '-e', script, file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return () => child.stdin.write('\n');
  }

  test('locked by another process: a write waits, and then succeeds', async (t) => {
    const { file, database } = await fresh(t, 20_000);
    const letGo = await lockElsewhere(t, file);
    const write = addSource(database, 'second');
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 10);
    setTimeout(letGo, 800);
    await write;
    clearInterval(ticking);
    assert.deepEqual(await codes(database), ['first', 'second']);
    assert.ok(ticks >= 2, 'the event loop went round meanwhile');
  });

  test('locked for longer than our patience: an error that passes, within that patience; reading goes on', async (t) => {
    const { file, database } = await fresh(t, 600);
    const letGo = await lockElsewhere(t, file);
    const startedAt = performance.now();
    await assert.rejects(addSource(database, 'second'), unavailable(/is locked by another process/));
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 250 && tookMs < 5000, `${Math.round(tookMs)} ms`);
    assert.deepEqual(await codes(database), ['first']);
    letGo();
    await database.close();
    const patient = new Database(`sqlite:${file}`);
    await addSource(patient, 'second');
    await patient.close();
  });

  test('removed under us: nothing is written into the file that is gone, and none is made in its place', async (t) => {
    const { file, database } = await fresh(t);
    await addSource(database, 'second');
    const gone = openSync(file, 'r');
    t.after(() => {
      closeSync(gone);
    });
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
    const sizeBefore = fstatSync(gone).size;
    await assert.rejects(addSource(database, 'third'), unavailable(/was removed/));
    await assert.rejects(addSource(database, 'third'), unusable(/does not exist/));
    assert.equal(existsSync(file), false);
    assert.equal(fstatSync(gone).size, sizeBefore);
  });

  test('removed and put back from a backup: the next call works on the new file', async (t) => {
    const { file, database } = await fresh(t);
    const backup = `${file}.backup`;
    copyFileSync(file, backup);
    await addSource(database, 'after-the-backup');
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
    await assert.rejects(codes(database), unavailable(/was removed/));
    renameSync(backup, file);
    await addSource(database, 'new');
    assert.deepEqual(await codes(database), ['first', 'new']);
  });

  test('replaced in one step: reads and writes go to the new file', async (t) => {
    const { file, database } = await fresh(t);
    const other = await fresh(t);
    await addSource(other.database, 'other');
    await other.database.close();
    await addSource(database, 'lost');
    for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true });
    renameSync(other.file, file);
    await addSource(database, 'new');
    assert.deepEqual(await codes(database), ['first', 'new', 'other']);
  });

  test('replaced by an empty file: not migrated, rather than a bug', async (t) => {
    const { file, database } = await fresh(t);
    await codes(database);
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
    writeFileSync(file, '');
    await assert.rejects(codes(database), unusable(/is not migrated/));
  });

  test('not a database', async (t) => {
    const { file, database } = await fresh(t);
    writeFileSync(file, 'x'.repeat(10_000));
    await assert.rejects(codes(database), unusable(/is not a SQLite database/));
  });

  test('damaged: torn to half its length', async (t) => {
    const { file, database } = await fresh(t);
    truncateSync(file, Math.floor(readFileSync(file).length / 8192) * 4096);
    await assert.rejects(
      database.read(async (db) => await db.selectFrom('job_events').selectAll().execute()),
      unusable(/is damaged|is not migrated/),
    );
  });

  test('a folder', async (t) => {
    const { file, database } = await fresh(t);
    rmSync(file);
    mkdirSync(file);
    await assert.rejects(codes(database), unavailable(/cannot be opened/));
  });

  test('read-only: reads work, a write is an error that passes', async (t) => {
    const { file, database } = await fresh(t);
    await asOrdinaryUser(async () => {
      await assert.rejects(
        addSource(database, 'second'),
        unavailable(/is read-only|cannot be opened|attempt to write/),
      );
    });
    await database.close();
    assert.match(readFileSync(file, 'latin1').slice(0, 16), /^SQLite format 3/);
    await addSource(database, 'second');
  });

  const tmpfsSkip = process.getuid?.() !== 0 && !mustNotSkip ? 'needs root: a small tmpfs is mounted' : false;
  test(
    'the disk is full: an error that passes, nothing half-written, and it goes on once there is room',
    { skip: tmpfsSkip },
    async (t) => {
      const place = join(folder, 'full');
      mkdirSync(place);
      const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], {
        encoding: 'utf8',
      });
      if (mount.status !== 0 && !mustNotSkip) {
        t.skip(`no mounting here: ${mount.stderr}`);
        return;
      }
      assert.equal(mount.status, 0, mount.stderr);
      t.after(() => {
        spawnSync('umount', ['--lazy', place]);
      });
      const database = new Database(`sqlite:${join(place, 'db')}`, { create: true, patienceMs: 300 });
      await migrate(database);
      await addSource(database, 'first');
      const filler = join(place, 'filler');
      const fill = spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'], { encoding: 'utf8' });
      assert.match(fill.stderr, /No space left/);
      let refused = 0;
      for (let round = 0; round < 20; round++) {
        const attempt = new SourceStore(database).add(
          { code: `c${round}`, name: 'x'.repeat(50_000), seeds: [], waitSeconds: 0 },
          1,
        );
        refused += await attempt.then(
          () => 0,
          (error: unknown) => (unavailable(/the disk is full|disk I\/O error/)(error) ? 1 : 0),
        );
      }
      assert.ok(refused > 0, 'the disk was not full');
      assert.ok((await codes(database)).includes('first'), 'it can still be read');
      rmSync(filler);
      await addSource(database, 'last');
      assert.ok((await codes(database)).includes('last'));
      await database.close();
    },
  );
});

/** Root may write to everything, so it becomes `nobody` for the length of `act`. */
async function asOrdinaryUser(act: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    await act();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

const binaries = postgresBinaries();
const postgresSkip =
  binaries === null && !mustNotSkip
    ? 'PostgreSQL server programs are not installed (apt install postgresql)'
    : false;

describe('PostgreSQL in trouble', { skip: postgresSkip }, () => {
  const cluster = new PostgresCluster(binaries ?? '');
  const opened: Database[] = [];
  before(async () => {
    await cluster.start();
    cluster.createDatabase('archive');
    await migrate(open(cluster.url('archive')));
  });
  after(async () => {
    for (const database of opened) await database.close();
    await cluster.stop();
  });

  function open(url: string): Database {
    const database = new Database(url);
    opened.push(database);
    return database;
  }

  /** The same address with other parts. */
  function address(change: (url: URL) => void): string {
    const url = new URL(cluster.url('archive'));
    change(url);
    return url.href;
  }

  test('stopped and started again: an error that passes, then the same handle works', async () => {
    const database = open(cluster.url('archive'));
    await addSource(database, 'before');
    await cluster.halt();
    const clock = async (): Promise<unknown> => await database.serverNowMs();
    for (const attempt of [codes, (given: Database) => addSource(given, 'during'), clock])
      await assert.rejects(
        attempt(database),
        unavailable(/^the database postgres:\/\/.*\/archive does not answer: /),
      );
    await cluster.launch();
    await addSource(database, 'after');
    assert.deepEqual(await codes(database), ['after', 'before']);
  });

  test('stopped in the middle of a transaction: nothing of it stays', async () => {
    const database = open(cluster.url('archive'));
    await assert.rejects(
      database.write(async (tx) => {
        await tx
          .insertInto('sources')
          .values({ code: 'half', name: 'x', seeds: '[]', wait_seconds: 0, created_ms: 1 })
          .execute();
        await cluster.halt();
        await tx.selectFrom('sources').selectAll().execute();
      }),
      unavailable(/does not answer/),
    );
    await cluster.launch();
    assert.equal((await codes(database)).includes('half'), false);
  });

  test('the server’s own clock is in milliseconds', async () => {
    const nowMs = await open(cluster.url('archive')).serverNowMs();
    assert.ok(Math.abs((nowMs ?? 0) - Date.now()) < 5000, String(nowMs));
  });

  const wrong: readonly (readonly [string, (url: URL) => void, RegExp])[] = [
    [
      'a database that is not there',
      (url) => {
        url.pathname = '/absent';
      },
      /^the database postgres:\/\/localhost\/absent: database "absent" does not exist\.$/,
    ],
    [
      'an unknown user',
      (url) => {
        url.username = 'stranger';
      },
      /role "stranger" does not exist/,
    ],
  ];

  for (const [name, change, words] of wrong) {
    test(`${name}: waiting does not help`, async () => {
      await assert.rejects(codes(open(address(change))), unusable(words));
    });
  }

  test('a wrong password: waiting does not help, and the password is not repeated', async () => {
    const socketFolder = new URL(cluster.url('archive')).searchParams.get('host') ?? '';
    const rules = join(socketFolder, 'data/pg_hba.conf');
    const trusting = readFileSync(rules, 'utf8');
    await cluster.halt();
    writeFileSync(rules, 'local all all scram-sha-256\n');
    await cluster.launch();
    const withPassword = address((url) => {
      url.password = 'hunter2';
    });
    await assert.rejects(codes(open(withPassword)), (error: unknown) => {
      assert.doesNotMatch(String(error), /hunter2/);
      return unusable(/password authentication failed/)(error);
    });
    await cluster.halt();
    writeFileSync(rules, trusting);
    await cluster.launch();
  });

  test('nobody listens there', async () => {
    const database = open('postgres://me:hunter2@127.0.0.1:1/archive');
    await assert.rejects(
      codes(database),
      unavailable(/postgres:\/\/127\.0\.0\.1:1\/archive does not answer: .*ECONNREFUSED/),
    );
  });

  test('a host without an address', async () => {
    await assert.rejects(codes(open('postgres://me@db.invalid/archive')), unavailable(/does not answer/));
  });
});
