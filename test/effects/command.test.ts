import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand, type CommandResult } from '../../src/effects/command.ts';
import { isLockFree, tryLock } from '../../src/effects/flock.ts';

const deadlineMs = 20_000;

function sh(script: string, options: Partial<Parameters<typeof runCommand>[1]> = {}): Promise<CommandResult> {
  return runCommand(['sh', '-c', script], { deadlineMs, ...options });
}

test('exit status and both outputs', async () => {
  const result = await sh('echo out; echo err >&2; exit 3');
  assert.ok(result.kind === 'exited');
  assert.deepEqual([result.code, result.stdout, result.stderr], [3, 'out\n', 'err\n']);
  assert.equal(result.isTruncated, false);
});

test('the working directory is /, the messages are English, the input is what was given', async () => {
  const result = await sh('pwd; echo $LC_ALL $OWN; cat', { stdin: 'in\n', env: { OWN: 'x' } });
  assert.equal(result.kind === 'exited' && result.stdout, '/\nC x\nin\n');
});

test('a lock that is inherited is held for as long as the program lives, whoever started it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-command-'));
  const lock = await tryLock(join(folder, 'lock'), 'exclusive');
  assert.ok(lock);
  const running = sh('sleep 1', { inherited: [lock.fd] });
  lock.release();
  assert.equal(await isLockFree(join(folder, 'lock')), false);
  await running;
  assert.equal(await isLockFree(join(folder, 'lock')), true);
  rmSync(folder, { recursive: true });
});

test('aborted, before it began or later: it gets TERM', async () => {
  for (const delayMs of [0, 300]) {
    const stop = new AbortController();
    if (delayMs === 0) stop.abort();
    else
      setTimeout(() => {
        stop.abort();
      }, delayMs);
    const result = await sh('exec sleep 20', { signal: stop.signal });
    assert.deepEqual([result.kind, result.kind === 'signaled' && result.signal], ['signaled', 'SIGTERM']);
  }
});

test('a program that does not read its input', async () => {
  const result = await runCommand(['true'], { deadlineMs, stdin: 'x'.repeat(1_000_000) });
  assert.equal(result.kind === 'exited' && result.code, 0);
});

test('output beyond the limit is dropped, and said to be', async () => {
  const result = await sh('yes | head -c 300000', { maxOutputBytes: 1000 });
  assert.ok(result.kind === 'exited');
  assert.deepEqual([result.code, result.stdout.length, result.isTruncated], [0, 1000, true]);
});

test('a program that is not there, one that may not be run, arguments that no program can take', async () => {
  const absent = await runCommand(['healtharchive-no-such-program'], { deadlineMs });
  assert.deepEqual(absent, { kind: 'not_found', program: 'healtharchive-no-such-program' });
  const denied = await runCommand(['/etc/passwd'], { deadlineMs });
  assert.deepEqual(denied, { kind: 'failed', program: '/etc/passwd', errno: 'EACCES' });
  const tooLong = await runCommand(['true', 'x'.repeat(200_000)], { deadlineMs });
  assert.deepEqual(tooLong, { kind: 'failed', program: 'true', errno: 'E2BIG' });
  const impossible = await runCommand(['true', 'a\0b'], { deadlineMs });
  assert.deepEqual(impossible, { kind: 'failed', program: 'true', errno: 'ERR_INVALID_ARG_VALUE' });
});

test('ended by a signal', async () => {
  const result = await sh('kill -9 $$');
  assert.equal(result.kind === 'signaled' && result.signal, 'SIGKILL');
});

test('past its deadline: TERM, and what it said until then', async () => {
  const startedAt = performance.now();
  const result = await sh('echo before; exec sleep 60', { deadlineMs: 500 });
  assert.ok(result.kind === 'timed_out');
  assert.deepEqual([result.isAbandoned, result.stdout], [false, 'before\n']);
  assert.ok(performance.now() - startedAt < 5000);
});

test('past its deadline and deaf to TERM: KILL', async () => {
  const result = await sh("trap '' TERM; while :; do sleep 0.05; done", {
    deadlineMs: 500,
    killGraceMs: 100,
  });
  assert.equal(result.kind === 'timed_out' && result.isAbandoned, false);
});

test('a grandchild that keeps the pipes open is not waited for', async () => {
  const startedAt = performance.now();
  const result = await sh('echo $$; exec 3>&1; sleep 30 & echo $!');
  assert.ok(result.kind === 'exited' && result.code === 0);
  assert.ok(performance.now() - startedAt < 10_000);
  process.kill(Number(result.stdout.trim().split('\n')[1]), 'SIGKILL');
});

test('a command that is still running does not keep the process from ending once it is given up', async () => {
  const script = `
    import { runCommand } from ${JSON.stringify(new URL('../../src/effects/command.ts', import.meta.url).href)};
    import { abandon } from ${JSON.stringify(new URL('../../src/effects/stuck-children.ts', import.meta.url).href)};
    import { spawn } from 'node:child_process';
    abandon(spawn('sleep', ['2']));
    await runCommand(['true'], { deadlineMs: 5000 });
    process.stdout.write('done');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let doneAt = Infinity;
  child.stdout.on('data', () => (doneAt = performance.now()));
  await new Promise((resolve) => child.once('exit', resolve));
  assert.ok(performance.now() - doneAt < 1500);
});
