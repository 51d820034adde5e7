import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkWritable } from '../../src/effects/storage-access.ts';
import type { ChildAnswer, ChildRequest } from '../../src/effects/storage/child-protocol.ts';
import { StorageChild } from '../../src/effects/storage/storage-child.ts';

const folder = mkdtempSync(join(tmpdir(), 'storage-child-'));
after(() => {
  rmSync(folder, { recursive: true });
});

function take(): StorageChild {
  const child = StorageChild.take();
  assert.ok(child instanceof StorageChild);
  return child;
}

async function ask(child: StorageChild, request: ChildRequest) {
  const answers: ChildAnswer[] = [];
  assert.equal(await child.isReady, true);
  const ended = await child.ask(request, answers, () => undefined);
  return { ended, answers };
}

const statfs = { operation: 'statfs', path: '/' } as const;

test('one that has answered is asked again, and ends when nobody asks any more', async () => {
  const first = take();
  assert.deepEqual((await ask(first, statfs)).ended, { kind: 'done' });
  first.giveBack();
  const again = take();
  assert.equal(again, first);
  const { ended, answers } = await ask(again, {
    operation: 'lookup',
    paths: Array.from({ length: 3000 }, (_, index) => `${folder}/${index % 2 === 0 ? '' : index}`),
    name: 'never-there',
    stopOnErrnos: [],
    isLocal: true,
  });
  assert.deepEqual(ended, { kind: 'done' });
  assert.deepEqual(
    answers.map((answer) => ('id' in answer ? answer.id : null)),
    Array.from({ length: 3000 }, (_, index) => index),
  );
  again.giveBack();
  for (let waits = 0; existsSync(`/proc/${again.pid}`) && waits < 100; waits++) await sleep(100);
  assert.equal(existsSync(`/proc/${again.pid}`), false);
  const later = take();
  assert.notEqual(later.pid, first.pid);
  later.dismiss();
});

test('one that was given up, or has ended, is never asked again', async () => {
  const given = take();
  await given.isReady;
  given.giveUp({ kind: 'timed_out' });
  given.giveBack();
  const other = take();
  assert.notEqual(other, given);
  await ask(other, statfs);
  other.giveBack();
  process.kill(other.pid ?? 0, 'SIGKILL');
  await new Promise<void>((resolve) => other.onExit(resolve));
  await sleep(50);
  const third = take();
  assert.notEqual(third, other);
  const { ended } = await ask(third, { operation: 'nonsense' } as never);
  assert.deepEqual(ended, { kind: 'done' }, 'it does nothing, and can go on');
  third.dismiss();
});

test('a write check goes up to where the directory will be made, if it may', async () => {
  const options = { timeoutMs: 5000, stuckDir: null };
  mkdirSync(join(folder, 'a'));
  const absent = join(folder, 'a/b/c/d');
  assert.deepEqual(await checkWritable(absent, { ...options, orAbove: true }), { kind: 'ok' });
  const strict = await checkWritable(absent, options);
  assert.ok(strict.kind === 'error' && strict.errno === 'ENOENT' && strict.step === 'create');
  assert.deepEqual(readdirSync(join(folder, 'a')), []);
});
