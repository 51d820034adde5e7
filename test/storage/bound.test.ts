import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Expectation } from '../../src/core/storage/expectation.ts';
import { abandonedChildCount } from '../../src/effects/stuck-children.ts';
import { bindOf, nothing, observe } from './observing.ts';
import { insidePrivateMounts } from './private-mounts.ts';
import { StorageBox, until } from './storage-box.ts';

/** As configured by default. */
const probeTimeoutMs = 5000;
const names = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

if (insidePrivateMounts(import.meta.url)) {
  let healthy: StorageBox;
  let hanging: StorageBox;

  /** 300 binds of a healthy base and 600 local directories; 10 mounts of another server with 9 binds each. */
  before(async () => {
    healthy = await StorageBox.start();
    hanging = await StorageBox.start();
    const bound = names(300, 'jobs/bound');
    healthy.makeFolders(...bound, ...names(600, 'jobs/plain'), ...bound.map((name) => `served/${name}`));
    await healthy.mount('base');
    for (const name of bound) await healthy.bind(`base/${name}`, name);
    hanging.makeFolders(...names(9, 'served/x'));
    await Promise.all(names(10, 'hot').map((name) => hanging.mount(name)));
    for (const name of names(10, 'hot')) {
      for (const part of names(9, '')) {
        hanging.makeFolders(`${name}-${part}`);
        await hanging.bind(`${name}/x${part}`, `${name}-${part}`);
      }
    }
  });
  after(async () => {
    await hanging.end();
    await healthy.end();
  });

  test('1,000 paths, 100 of them hung on 10 superblocks: all answered within the probe timeout and a second', async (t) => {
    const bound = names(300, 'bound').map((name): [string, Expectation] => [
      `jobs/${name}`,
      bindOf(healthy, name),
    ]);
    const plain = names(600, 'jobs/plain').map((name): [string, Expectation] => [name, nothing]);
    const hung = names(10, 'hot').flatMap((name) => [name, ...names(9, `${name}-`)]);
    const beside = `../${hanging.folder.split('/').at(-1) ?? ''}`;
    const all = [
      ...bound,
      ...plain,
      ...hung.map((name): [string, Expectation] => [`${beside}/${name}`, nothing]),
    ];

    let startedAt = performance.now();
    let report = await observe(healthy, all, probeTimeoutMs);
    t.diagnostic(`all healthy: ${Math.round(performance.now() - startedAt)} ms`);
    assert.deepEqual(new Set(report.paths.map(({ state }) => state)), new Set(['healthy']));

    hanging.freezeServer();
    startedAt = performance.now();
    report = await observe(healthy, all, probeTimeoutMs);
    const took = performance.now() - startedAt;
    t.diagnostic(`100 of them hung: ${Math.round(took)} ms`);
    assert.ok(took < probeTimeoutMs + 1000, `took ${took} ms`);
    assert.deepEqual(new Set(report.paths.slice(0, 900).map(({ state }) => state)), new Set(['healthy']));
    assert.deepEqual(new Set(report.paths.slice(900).map(({ state }) => state)), new Set(['hung']));
    assert.equal(abandonedChildCount(), 10, 'one stuck child per superblock');

    startedAt = performance.now();
    report = await observe(healthy, all, probeTimeoutMs);
    t.diagnostic(`the second time: ${Math.round(performance.now() - startedAt)} ms`);
    assert.equal(report.paths.filter(({ state }) => state === 'hung').length, 100);
    assert.equal(abandonedChildCount(), 10, 'none was added');
    hanging.thawServer();
    await until('the stuck children have ended', () => abandonedChildCount() === 0);
  });

  test('a few paths', async (t) => {
    for (const count of [1, 10]) {
      const paths = names(count, 'bound').map((name): [string, Expectation] => [
        `jobs/${name}`,
        bindOf(healthy, name),
      ]);
      const startedAt = performance.now();
      await observe(healthy, paths, probeTimeoutMs);
      t.diagnostic(`${count}: ${Math.round(performance.now() - startedAt)} ms`);
    }
  });
}
