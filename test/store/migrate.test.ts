import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { DatabaseUnusableError } from '../../src/core/errors.ts';
import { Database } from '../../src/store/database.ts';
import { JobStore } from '../../src/store/job-store.ts';
import { checkSchema, foreseeMigration, migrate } from '../../src/store/migrate.ts';
import { codeVersion, type Migration, migrations } from '../../src/store/migrations/index.ts';
import { SourceStore } from '../../src/store/source-store.ts';
import { describeOnBothDatabases, type TestDatabase } from './databases.ts';

const names = migrations.map((migration) => migration.name);

/** A step of a later release: one more column, which code of `oldestCode` can live with. */
function laterStep(version: number, oldestCode: number): Migration {
  return {
    version,
    oldestCode,
    name: `step-${version}`,
    up: async (tx) => {
      await tx.schema.alterTable('sources').addColumn(`later_${version}`, 'text').execute();
    },
  };
}

/** A child process that stands ready to migrate; `go` lets it. */
async function migrator(url: string): Promise<{ go: () => Promise<unknown> }> {
  const script = fileURLToPath(new URL('./migrate-once.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, url], {
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child.stdout, 'data');
  return {
    go: async () => {
      child.stdin.end('\n');
      await once(child, 'close');
      assert.equal(child.exitCode, 0, 'the migrating process failed');
      return JSON.parse(said.replace('ready\n', '')) as unknown;
    },
  };
}

async function startTogether(url: string): Promise<void> {
  const both = await Promise.all([migrator(url), migrator(url)]);
  const applied = await Promise.all(both.map(async ({ go }) => await go()));
  assert.deepEqual(applied.flat().sort(), [...names].sort(), 'each step was applied once, by one of the two');
}

describeOnBothDatabases('migrate', (makeDatabase) => {
  let made: TestDatabase | null = null;

  /** The one database of these tests, as a migration from nothing leaves it. */
  async function fresh(): Promise<TestDatabase> {
    if (made === null) return (made = await makeDatabase());
    await wipe(made.database);
    await migrate(made.database);
    return made;
  }

  test('the steps are numbered in order, and none asks for code that is not there', () => {
    for (const [index, step] of migrations.entries()) {
      assert.equal(step.version, index + 1);
      assert.ok(step.oldestCode <= step.version);
    }
  });

  test('a migrated database has nothing left to do, and its content stays', async () => {
    const { database } = await fresh();
    await new SourceStore(database).add({ code: 'hc', name: 'Health Canada', seeds: [], waitSeconds: 0 }, 1);
    assert.deepEqual(await migrate(database), []);
    assert.equal((await new SourceStore(database).list()).length, 1);
    await checkSchema(database);
  });

  test('two processes at once: each step is applied once', async () => {
    const { url, database } = await fresh();
    await wipe(database);
    await database.close();
    await startTogether(url);
    await checkSchema(database);
    assert.deepEqual(await new JobStore(database).list(), []);
  });

  test('the release before works with a database that a later one migrated', async () => {
    const { database } = await fresh();
    const later = [...migrations, laterStep(codeVersion + 1, codeVersion)];
    assert.deepEqual(await migrate(database, later), [`step-${codeVersion + 1}`]);
    await checkSchema(database);
    assert.deepEqual(await migrate(database), [], 'and leaves it as it is');
    await new SourceStore(database).add({ code: 'hc', name: 'x', seeds: [], waitSeconds: 0 }, 1);
    assert.deepEqual(await migrate(database, later), [], 'the later release finds its step done');
  });

  test('what is to be done is foreseen, and who could work with the database then; nothing is changed', async () => {
    const { database } = await fresh();
    const done = {
      pending: [],
      codeVersion,
      oldestCode: Math.max(...migrations.map((step) => step.oldestCode)),
    };
    assert.deepEqual(await foreseeMigration(database), done);
    const next = codeVersion + 1;
    const later = [...migrations, laterStep(next, codeVersion)];
    const foreseen = { pending: [`step-${next}`], codeVersion: next, oldestCode: codeVersion };
    assert.deepEqual(await foreseeMigration(database, later), foreseen);
    assert.deepEqual(await foreseeMigration(database, later), foreseen, 'again');
    await migrate(database, later);
    assert.deepEqual(await foreseeMigration(database, later), { ...foreseen, pending: [] });
    await wipe(database);
    assert.deepEqual((await foreseeMigration(database)).pending, names, 'a database without our tables');
  });

  test('code that is older than the database allows refuses, and says what to install', async () => {
    const { database } = await fresh();
    await migrate(database, [...migrations, laterStep(codeVersion + 1, codeVersion + 1)]);
    for (const attempt of [checkSchema, migrate, foreseeMigration]) {
      await assert.rejects(attempt(database), (error: unknown) => {
        assert.ok(error instanceof DatabaseUnusableError);
        assert.match(
          error.message,
          new RegExp(
            `needs code of schema version ${codeVersion + 1} or later; this code has ${codeVersion}`,
          ),
        );
        assert.match(error.fix ?? '', /newer release/);
        return true;
      });
    }
  });

  test('a step that fails leaves nothing of itself or of the steps before it', async () => {
    const { database } = await fresh();
    const broken: Migration = {
      ...laterStep(codeVersion + 2, 1),
      up: () => Promise.reject(new Error('this step is broken')),
    };
    const steps = [...migrations, laterStep(codeVersion + 1, 1), broken];
    await assert.rejects(migrate(database, steps), /this step is broken/);
    const tables = await database.read(async (db) => await db.introspection.getTables());
    const columns = tables.find((table) => table.name === 'sources')?.columns.map((column) => column.name);
    assert.equal(columns?.includes(`later_${codeVersion + 1}`), false);
    await checkSchema(database);
  });

  test('a database without our tables, or with older ones, names the command that mends it', async () => {
    const { database } = await fresh();
    await database.write(async (tx) => {
      await tx
        .updateTable('schema_state')
        .set({ version: codeVersion - 1 })
        .execute();
    });
    await assert.rejects(checkSchema(database), isUnmigrated(`has schema version ${codeVersion - 1}`));
    await wipe(database);
    await assert.rejects(checkSchema(database), isUnmigrated('has no tables of ours yet'));
    await assert.rejects(new JobStore(database).list(), isUnmigrated('is not migrated'));
  });
});

function isUnmigrated(words: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DatabaseUnusableError, String(error));
    assert.ok(error.message.includes(words), error.message);
    assert.equal(error.fix, 'healtharchive db migrate');
    return true;
  };
}

/** Takes every table away again: an empty database of the same name. */
async function wipe(database: Database): Promise<void> {
  await database.write(async (tx) => {
    for (const table of ['job_events', 'attempts', 'jobs', 'sources', 'schema_state'])
      await sql`drop table if exists ${sql.table(table)}`.execute(tx);
  });
}

describe('a SQLite file that is not there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-migrate-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const missing = join(folder, 'missing.db');

  test('is made by nobody who does not say so', async () => {
    const database = new Database(`sqlite:${missing}`);
    const list = async (given: Database): Promise<unknown> => await new JobStore(given).list();
    for (const attempt of [checkSchema, migrate, list]) {
      await assert.rejects(attempt(database), (error: unknown) => {
        assert.ok(error instanceof DatabaseUnusableError, String(error));
        assert.equal(error.message, `the database ${missing} does not exist.`);
        assert.equal(error.fix, 'healtharchive db migrate');
        return true;
      });
    }
    assert.equal(existsSync(missing), false);
    await database.close();
  });

  test('is made by two that migrate at once, without a fight', async () => {
    await startTogether(`sqlite:${join(folder, 'both.db')}`);
  });

  test('can’t be made in a folder that is not there', async () => {
    const database = new Database(`sqlite:${join(folder, 'nowhere/x.db')}`, { create: true });
    await assert.rejects(migrate(database), (error: unknown) => {
      assert.ok(error instanceof DatabaseUnusableError, String(error));
      assert.match(error.message, /the folder of the database, .*nowhere, does not exist/);
      return true;
    });
    await database.close();
  });

  test('an empty file counts as not migrated', async () => {
    const file = join(folder, 'empty.db');
    writeFileSync(file, '');
    const database = new Database(`sqlite:${file}`);
    await assert.rejects(checkSchema(database), isUnmigrated('has no tables of ours yet'));
    await database.close();
  });
});
