import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { OperatorError } from '../../src/core/errors.ts';
import { isLockFree, tryLock } from '../../src/effects/flock.ts';

describe('flock', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-flock-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  let count = 0;
  const fresh = (): string => join(folder, `lock-${++count}`);

  /** A process of its own that holds the lock until it is killed. */
  async function holdElsewhere(t: TestContext, path: string, kind: string): Promise<ChildProcess> {
    const script = 'exec 9<>"$1"; flock "$2" 9; echo held; read -r _';
    const child = spawn('bash', ['-c', script, 'bash', path, `--${kind}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  }

  const rules: readonly (readonly ['exclusive' | 'shared', 'exclusive' | 'shared', boolean])[] = [
    ['exclusive', 'exclusive', false],
    ['exclusive', 'shared', false],
    ['shared', 'exclusive', false],
    ['shared', 'shared', true],
  ];
  for (const [theirs, ours, isGiven] of rules) {
    test(`held ${theirs} by another process, asked for ${ours}: ${isGiven ? 'given' : 'refused'}`, async (t) => {
      const path = fresh();
      await holdElsewhere(t, path, theirs);
      const lock = await tryLock(path, ours);
      assert.equal(lock !== null, isGiven);
      lock?.release();
      assert.equal(await isLockFree(path), theirs === 'shared', 'free means: nobody holds it exclusively');
    });
  }

  test('those who look whether it is held are in nobody’s way', async (t) => {
    const path = fresh();
    const looker = await holdElsewhere(t, path, 'shared');
    const taken = tryLock(path, 'exclusive');
    setTimeout(() => looker.stdin?.end('\n'), 200);
    const lock = await taken;
    assert.notEqual(lock, null);
    assert.equal(await isLockFree(path), false);
    lock?.release();
  });

  test('a process that dies by KILL gives up its lock', async (t) => {
    const path = fresh();
    const child = await holdElsewhere(t, path, 'exclusive');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await tryLock(path, 'exclusive');
    assert.notEqual(lock, null);
    lock?.release();
  });

  test('inside one process, too, there is one holder; released twice is released once', async () => {
    const path = fresh();
    const first = await tryLock(path, 'exclusive');
    assert.equal(await tryLock(path, 'exclusive'), null);
    first?.release();
    const second = await tryLock(path, 'exclusive');
    assert.notEqual(second, null);
    first?.release();
    assert.equal(await tryLock(path, 'exclusive'), null, 'the second release took another one’s descriptor');
    second?.release();
    assert.equal(await isLockFree(path), true);
  });

  test('a child that inherits the descriptor holds the lock for as long as it lives', async (t) => {
    const path = fresh();
    const lock = await tryLock(path, 'exclusive');
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', lock?.fd] });
    t.after(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    lock?.release();
    assert.equal(await isLockFree(path), false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(await isLockFree(path), true);
  });

  test('to ask whether it is free makes no file', async () => {
    const path = fresh();
    assert.equal(await isLockFree(path), true);
    assert.equal(existsSync(path), false);
  });

  test('a symbolic link is not followed', async () => {
    const path = fresh();
    const target = fresh();
    symlinkSync(target, path);
    await assert.rejects(tryLock(path, 'exclusive'), OperatorError);
    assert.equal(existsSync(target), false);
  });

  test('a lock file that can’t be made or opened is an error with its name', async () => {
    const file = fresh();
    writeFileSync(file, '');
    for (const path of [join(folder, 'nowhere/lock'), join(file, 'below'), folder]) {
      await assert.rejects(tryLock(path, 'exclusive'), (error: unknown) => {
        assert.ok(error instanceof OperatorError, String(error));
        assert.ok(error.message.includes(path), error.message);
        return true;
      });
    }
  });

  test('others may not write to the lock file', async () => {
    const path = fresh();
    (await tryLock(path, 'exclusive'))?.release();
    assert.equal(statSync(path).mode & 0o002, 0);
  });
});
