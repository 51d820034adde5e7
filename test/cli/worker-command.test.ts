import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { test } from 'node:test';
import { cleanEnvironment, localSetup, program, type LocalSetup } from './setup.ts';

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
    assert.deepEqual(JSON.parse(stdout), { failed: [], parked: [], held_back: [] });
  }
});

test('--drain ends with 3 when it leaves a failed or parked job behind', async (t) => {
  const setup = await localSetup(t);
  await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'given-up');
  await setup.withStore(async (_jobs, database) => {
    await database.write(async (tx) => {
      await tx.updateTable('jobs').set({ status: 'failed', finished_ms: 1 }).execute();
    });
  });
  const { status, stdout } = await setup.run('worker', 'run', '--drain', '--json');
  assert.equal(status, 3);
  assert.deepEqual(JSON.parse(stdout), { failed: [1], parked: [], held_back: [] });
});
