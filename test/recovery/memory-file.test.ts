import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { emptyMemory, type RecoveryMemory } from '../../src/core/recovery/memory.ts';
import { setAside } from '../../src/effects/state-file.ts';
import { memoryFile, readMemory, writeMemory } from '../../src/recovery/memory-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'healtharchive-memory-'));
const file = join(folder, 'watchdog', 'storage-hotpath-auto-recover.json');
const now = 1_700_000_000_000;

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const path = fc.string({ unit: 'binary' }).map((name) => `/${name}`);
const since = fc.record({ bootId: fc.string(), sinceBootMs: fc.nat() });
const anyMemory: fc.Arbitrary<RecoveryMemory> = fc.record({
  recoveries: fc.array(
    fc.record({
      run: fc.string(),
      atMs: fc.nat(),
      paths: fc.option(fc.array(path)),
      jobs: fc.array(fc.nat()),
      outcome: fc.constantFrom('unfinished', 'done', 'failed'),
    }),
  ),
  incident: fc.option(
    fc.record({
      openedAtMs: fc.nat(),
      healthySinceMs: fc.option(fc.nat()),
      paths: fc.array(path),
      unproved: fc.array(path),
    }),
  ),
  takenOff: fc.array(
    fc.record({ path, coldPath: fc.option(path), unit: fc.option(fc.string()), isRetried: fc.boolean() }),
  ),
  verified: fc.array(fc.record({ path, atMs: fc.nat(), released: fc.array(fc.nat()) })),
  releases: fc.array(fc.record({ jobId: fc.nat(), atMs: fc.nat() })),
  hung: fc.dictionary(fc.constantFrom('0:40', '0:41'), since),
  deployLock: fc.option(since),
});

describe('what recovery remembers', () => {
  test('lies where the contract says', () => {
    assert.equal(memoryFile({ paths: { state_dir: folder } as never }), file);
  });

  test('is empty as long as there is no file', () => {
    assert.deepEqual(readMemory(file, now), { memory: emptyMemory, problem: null });
  });

  test('comes back as it was written, whatever is in it', () => {
    fc.assert(
      fc.property(anyMemory, (memory) => {
        writeMemory(file, memory);
        assert.deepEqual(readMemory(file, now), {
          memory: JSON.parse(JSON.stringify(memory)) as unknown,
          problem: null,
        });
      }),
      { numRuns: 50 },
    );
  });

  for (const [what, text] of [
    ['half a file', '{ "recoveries": ['],
    ['nothing', ''],
    ['something else', '[]'],
    [
      'a field that is not what it should be',
      JSON.stringify({ ...emptyMemory, recoveries: [{ atMs: 'soon' }] }),
    ],
    ['a field that is missing', JSON.stringify({ ...emptyMemory, takenOff: undefined })],
  ] as const) {
    test(`${what} counts as one recovery of everything that has just happened, and is kept`, () => {
      mkdirSync(dirname(file));
      writeFileSync(file, text);
      const { memory, problem } = readMemory(file, now);
      assert.match(problem ?? '', /storage-hotpath-auto-recover\.json/);
      assert.deepEqual(
        memory.recoveries.map(({ atMs, paths }) => [atMs, paths]),
        [[now, null]],
      );
      const aside = setAside(file);
      assert.equal(readFileSync(aside, 'utf8'), text);
      assert.equal(existsSync(file), false);
      writeMemory(file, memory);
      assert.equal(readdirSync(dirname(file)).length, 2);
    });
  }

  test('a link or a folder in its place is not read', () => {
    mkdirSync(file, { recursive: true });
    assert.match(readMemory(file, now).problem ?? '', /EISDIR/);
    rmSync(file, { recursive: true });
    symlinkSync('/etc/passwd', file);
    assert.match(readMemory(file, now).problem ?? '', /ELOOP/);
  });
});
