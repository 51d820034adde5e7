import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { writeFileAtomically } from '../../src/effects/small-file.ts';

describe('writeFileAtomically', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-atomic-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  let count = 0;
  function place(): { dir: string; file: string } {
    const dir = join(folder, String(++count));
    mkdirSync(dir);
    return { dir, file: join(dir, 'state.json') };
  }

  test('makes a file, replaces it, and leaves nothing else behind', () => {
    const { dir, file } = place();
    for (const text of ['first', 'second, longer', '', 'é\0🍁']) {
      writeFileAtomically(file, text);
      assert.equal(readFileSync(file, 'utf8'), text);
      assert.deepEqual(readdirSync(dir), ['state.json']);
    }
  });

  test('the mode is the one asked for, also when it replaces a file of another', () => {
    const { dir, file } = place();
    const plain = join(dir, 'plain');
    writeFileSync(plain, '');
    writeFileAtomically(file, 'x');
    assert.equal(statSync(file).mode & 0o777, 0o644 & statSync(plain).mode);
    writeFileAtomically(file, 'x', 0o600);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('a symbolic link of that name is replaced, not written through', () => {
    const { dir, file } = place();
    const target = join(dir, 'target');
    writeFileSync(target, 'untouched');
    symlinkSync(target, file);
    writeFileAtomically(file, 'new');
    assert.equal(readFileSync(target, 'utf8'), 'untouched');
    assert.equal(readFileSync(file, 'utf8'), 'new');
  });

  test('what can’t be written leaves the old file and nothing else', () => {
    const { dir, file } = place();
    assert.throws(() => {
      writeFileAtomically(join(dir, 'absent/state.json'), 'x');
    }, /ENOENT/);
    mkdirSync(file);
    assert.throws(() => {
      writeFileAtomically(file, 'x');
    }, /EISDIR/);
    assert.deepEqual(readdirSync(dir), ['state.json']);
  });

  test('a reader sees a whole text at every moment', async () => {
    const { file } = place();
    writeFileAtomically(file, 'a'.repeat(100_000));
    const script = `
      const { readFileSync } = require('node:fs');
      const { parentPort, workerData } = require('node:worker_threads');
      let reads = 0, torn = 0, isOver = false;
      parentPort.on('message', () => { isOver = true; });
      (function look() {
        const text = readFileSync(workerData, 'utf8');
        reads += 1;
        if (text.length !== 100000 || new Set(text).size !== 1) torn += 1;
        if (isOver) parentPort.postMessage({ reads, torn }), parentPort.close();
        else setImmediate(look);
      })();
      parentPort.postMessage('looking');
    `;
    const reader = new Worker(script, { eval: true, workerData: file });
    const next = async (): Promise<unknown> =>
      await new Promise((resolve) => reader.once('message', resolve));
    await next();
    for (let round = 0; round < 100; round++)
      writeFileAtomically(file, 'ab'.charAt(round % 2).repeat(100_000));
    const answer = next();
    reader.postMessage('stop');
    const { reads, torn } = (await answer) as { reads: number; torn: number };
    assert.ok(reads > 1, `${reads} reads`);
    assert.equal(torn, 0);
  });
});
