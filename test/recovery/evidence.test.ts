import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { OperatorError } from '../../src/core/errors.ts';
import { emptyMemory } from '../../src/core/recovery/memory.ts';
import { configurationSchema, type Configuration } from '../../src/config/schema.ts';
import { takeEvidence } from '../../src/recovery/evidence.ts';
import { bind } from '../core/recovery/worlds.ts';
import { Scene } from '../simulation/scene.ts';

const world = new Scene([bind('a')]).observe(emptyMemory);

function configuration(t: TestContext): Configuration {
  const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return configurationSchema.parse({ paths: { state_dir: folder } });
}

test('a picture in one folder: what was seen, and what the system says', async (t) => {
  const jobs = Promise.resolve({
    isKnown: false,
    because: 'away: postgres://ha:s3cret@db/x',
    fix: null,
  } as const);
  const { path, files } = await takeEvidence(
    configuration(t),
    { world: Promise.resolve(world), jobs },
    'test',
  );
  assert.deepEqual(readdirSync(path).sort(), [...files.map(({ name }) => name), 'summary.json'].sort());
  const read = (name: string): string => readFileSync(join(path, name), 'utf8');
  assert.match(read('mounts.txt'), / \/ /);
  assert.match(read('versions.txt'), /^healtharchive \d/);
  assert.match(read('processes.txt'), /node/);
  const seen = JSON.parse(read('world.json')) as {
    mounts: { id: number }[];
    lookups: Record<string, unknown>;
  };
  assert.deepEqual(
    seen.mounts.map((mount) => mount.id),
    world.mounts.map((mount) => mount.id),
  );
  assert.deepEqual(Object.keys(seen.lookups), [...world.lookups.keys()]);
  const summary = JSON.parse(read('summary.json')) as {
    tag: string;
    files: { name: string; problem: string | null }[];
  };
  assert.equal(summary.tag, 'test');
  assert.match(summary.files.find(({ name }) => name === 'jobs.json')?.problem ?? '', /^away/);
  assert.equal(read('summary.json').includes('s3cret'), false);
});

test('what never comes is named, after ten seconds', async (t) => {
  const never = new Promise<never>(() => undefined);
  const beganMs = performance.now();
  const { files } = await takeEvidence(configuration(t), { world: never, jobs: never }, null);
  const tookMs = performance.now() - beganMs;
  assert.ok(tookMs >= 9000 && tookMs < 15_000, String(tookMs));
  for (const name of ['world.json', 'jobs.json'])
    assert.equal(files.find((file) => file.name === name)?.problem, 'not there within 10 s');
});

test('too much is cut, so that all of it stays below 5 MB', async (t) => {
  const many = Array.from({ length: 20_000 }, (_, index) => `what could not be seen, ${index}`);
  const jobs = Promise.resolve({ isKnown: true, jobs: [], figures: null } as const);
  const { files } = await takeEvidence(
    configuration(t),
    { world: Promise.resolve({ ...world, notSeen: many }), jobs },
    null,
  );
  const file = files.find(({ name }) => name === 'world.json');
  assert.deepEqual([file?.bytes, file?.problem], [400_000, 'cut at 400000 bytes']);
  assert.ok(files.length * 400_000 < 5_000_000);
});

test('where it can’t be written, that is said', async (t) => {
  const given = configuration(t);
  writeFileSync(join(given.paths.state_dir, 'evidence'), 'a file in its place');
  const jobs = Promise.resolve({ isKnown: true, jobs: [], figures: null } as const);
  await assert.rejects(takeEvidence(given, { world: Promise.resolve(world), jobs }, null), OperatorError);
});
