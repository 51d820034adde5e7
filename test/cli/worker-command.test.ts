import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cleanEnvironment, localSetup, program, treeOf, type LocalSetup } from './setup.ts';

/** A worker that runs until it is stopped; resolves once it says that it is ready. */
async function startWorker(setup: LocalSetup, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(program, ['worker', 'run', ...args], {
    env: cleanEnvironment(setup.environment),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('worker ready')) resolve();
    });
    child.once('exit', (code) => {
      reject(new Error(`the worker ended with ${String(code)}: ${said}`));
    });
  });
  return child;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return await exit;
}

test('a second worker of the same name is refused (75); TERM ends the first with 0, INT with 130', async (t) => {
  const setup = await localSetup(t);
  const first = await startWorker(setup, '--name', 'crawl one');
  t.after(() => first.kill('SIGKILL'));
  const { status, stdout, stderr } = await setup.spawn('worker', 'run', '--once', '--name', 'crawl one');
  assert.equal(status, 75, stderr);
  assert.match(stderr, /a worker named crawl one is running on this host already/);
  assert.match(stderr, /--name/);
  assert.equal(stdout, '');
  const other = await startWorker(setup, '--name', 'crawl two');
  t.after(() => other.kill('SIGKILL'));
  assert.equal(await ended(first, 'SIGTERM'), 0);
  assert.equal(await ended(other, 'SIGINT'), 130);
  assert.equal(
    (await setup.spawn('worker', 'run', '--drain', '--name', 'crawl one')).status,
    0,
    'the name is free',
  );
});

test('with an empty queue, --once and --drain end at once with 0', async (t) => {
  const setup = await localSetup(t);
  for (const mode of ['--once', '--drain']) {
    const { status, stdout, stderr } = await setup.run('worker', 'run', mode, '--json');
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { ...nothing, completed: 0 });
  }
});

const nothing = { completed: 0, failed: [], parked: [], waiting: [], held_back: [] };

/** Three jobs: 1 was given up, 2 waits for a deadline, 3 is parked. */
async function withLeftovers(setup: LocalSetup, deadlineMs: number): Promise<void> {
  for (const name of ['given-up', 'cooling', 'parked'])
    await setup.ask('jobs', 'add', '--source', 'hc', '--name', name);
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      await tx.updateTable('jobs').set({ status: 'failed', finished_ms: 1 }).where('id', '=', 1).execute();
      await tx
        .updateTable('jobs')
        .set({ status: 'retryable', infra_retry_ms: deadlineMs, infra_retry_length_ms: 86_400_000 })
        .where('id', '>', 1)
        .execute();
      await tx
        .updateTable('jobs')
        .set({ parked_reason: 'dead', parked_detail: 'it is dead', parked_since_ms: 1 })
        .where('id', '=', 3)
        .execute();
    });
  });
}

for (const mode of ['--drain', '--once'])
  test(`${mode} ends with 3 when it leaves failed, parked or waiting jobs behind, and says which`, async (t) => {
    const setup = await localSetup(t);
    const deadlineMs = Date.now() + 3_600_000;
    await withLeftovers(setup, deadlineMs);
    const { status, stdout } = await setup.run('worker', 'run', mode, '--json');
    assert.equal(status, 3);
    assert.deepEqual(JSON.parse(stdout), { ...nothing, failed: [1], parked: [3], waiting: [2] });
    const people = await setup.run('worker', 'run', mode);
    assert.equal(people.status, 3);
    const iso = new Date(deadlineMs).toISOString();
    const [day, time] = [iso.slice(0, 10), iso.slice(11, 19)];
    const until = new RegExp(`^0 completed, 1 failed, 1 parked, 1 waits until (${day} )?${time} UTC\n$`);
    assert.match(people.stdout, until);
  });

test('a job that only waits is enough for status 3', async (t) => {
  const setup = await localSetup(t);
  await withLeftovers(setup, Date.now() + 3_600_000);
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      await tx.updateTable('jobs').set({ status: 'cancelled' }).where('id', '<>', 2).execute();
      await tx.updateTable('jobs').set({ parked_reason: null, parked_since_ms: null }).execute();
    });
  });
  const { status, stdout } = await setup.run('worker', 'run', '--drain', '--json');
  assert.equal(status, 3);
  assert.deepEqual(JSON.parse(stdout), { ...nothing, waiting: [2] });
});

test(
  'root does not work in the place of the user that the configuration names',
  { skip: needsRoot() },
  async (t) => {
    const setup = await localSetup(t);
    const config = readFileSync(setup.config, 'utf8').replace(/^user = .*$/m, 'user = "games"');
    writeFileSync(setup.config, config);
    // Root's own setup altogether: nobody else's service is in the way.
    assert.equal((await setup.run('worker', 'run', '--drain')).status, 0);
    for (const prepare of [
      () => {
        rmSync(join(setup.dir, 'ops'), { recursive: true });
      },
      () => {
        mkdirSync(join(setup.dir, 'ops'));
        chownSync(join(setup.dir, 'ops'), 5, 60);
      },
    ]) {
      prepare();
      const before = treeOf(setup.dir);
      const { status, stderr } = await setup.run('worker', 'run', '--drain');
      assert.equal(status, 5, stderr);
      assert.match(
        stderr,
        /the worker runs as games .*\n {2}to mend it: sudo -u games healtharchive worker run/,
      );
      assert.deepEqual(treeOf(setup.dir), before, 'nothing was made');
    }
    writeFileSync(setup.config, config.replace('"games"', '"nobody-of-that-name"'));
    assert.equal(
      (await setup.run('worker', 'run', '--drain')).status,
      0,
      'there is no such user to get in the way of',
    );
  },
);

function needsRoot(): string | false {
  return process.geteuid?.() === 0 ? false : 'only root can become somebody else';
}
