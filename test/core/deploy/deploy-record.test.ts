import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  beginEntry,
  type DeployRecord,
  endEntry,
  isUnproved,
  releaseBefore,
  releasesToPrune,
  withdrawEntry,
} from '../../../src/core/deploy/deploy-record.ts';

const begin = (record: DeployRecord, release: string, before: string | null): DeployRecord =>
  beginEntry(record, { release, before, from: '/src main', at: '2026-11-26T00:00:00Z' });
const deploy = (record: DeployRecord, release: string, before: string | null): DeployRecord =>
  endEntry(begin(record, release, before), release, 'proved');

describe('the release to go back to', () => {
  const ab = deploy(deploy([], 'a', 'installed'), 'b', 'a');
  const abc = deploy(ab, 'c', 'b');
  const all = ['installed', 'a', 'b', 'c', 'd'];
  const rolledBack = deploy(endEntry(abc, 'c', 'withdrawn'), 'b', 'c');
  const rows: readonly (readonly [string, DeployRecord, string, readonly string[], string | null])[] = [
    ['nothing was ever deployed', [], 'installed', all, null],
    ['the installation, after the first deploy', deploy([], 'a', 'installed'), 'a', all, 'installed'],
    ['the one before', abc, 'c', all, 'b'],
    ['one further back, where that is gone', abc, 'c', ['a', 'c'], 'a'],
    ['none, where all are gone', abc, 'c', ['c'], null],
    ['after a rollback: not the one that it went back from', rolledBack, 'b', all, 'a'],
    [
      'after the first deploy, and one that was not healthy: the installation',
      deploy(endEntry(begin(deploy([], 'a', 'installed'), 'b', 'a'), 'b', 'withdrawn'), 'a', 'b'),
      'a',
      all,
      'installed',
    ],
    ['an installation by hand, after deploys: the last of those', abc, 'installed', all, 'c'],
    ['from a deploy that was broken off: what was in use', begin(ab, 'd', 'b'), 'd', all, 'b'],
    [
      'from a broken off one after a broken off one: what was last healthy',
      begin(begin(ab, 'c', 'b'), 'd', 'c'),
      'd',
      all,
      'b',
    ],
    ['deployed again: what was before that', deploy(deploy(abc, 'a', 'c'), 'c', 'a'), 'c', all, 'a'],
  ];
  for (const [name, record, current, releases, expected] of rows)
    test(name, () => {
      assert.equal(releaseBefore(record, current, releases), expected);
    });

  test('whatever has happened: never the one in use, never one that is gone, withdrawn or unproved', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const event = fc.record({ release: name, end: fc.constantFrom('proved', 'withdrawn', 'begun') });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), fc.subarray(all), (events, releases) => {
        let record: DeployRecord = [];
        let current = 'installed';
        for (const { release, end } of events) {
          const before = current;
          record = begin(record, release, before);
          if (end !== 'begun') record = endEntry(record, release, end);
          if (end !== 'withdrawn') current = release;
        }
        const back = releaseBefore(record, current, releases);
        if (back === null) return;
        assert.notEqual(back, current);
        assert.ok(releases.includes(back));
        const last = record.findLast(({ release }) => release === back);
        assert.ok(last === undefined || last.state === 'proved', JSON.stringify(record));
      }),
    );
  });
});

test('what somebody went back from is no place to go back to, be it an installation by hand', () => {
  const at = '2026-11-26T00:00:00Z';
  const back = deploy(withdrawEntry(deploy([], 'a', null), 'installed', at), 'a', 'installed');
  assert.equal(releaseBefore(back, 'a', ['installed', 'a']), null);
  const two = withdrawEntry(deploy(deploy([], 'a', null), 'b', 'a'), 'b', at);
  assert.equal(releaseBefore(deploy(two, 'a', 'b'), 'a', ['a', 'b']), null);
});

test('a deploy is unproved from before the switch until it was seen to be healthy, or withdrawn', () => {
  const begun = begin([], 'a', null);
  assert.equal(isUnproved(begun, 'a'), true);
  assert.equal(isUnproved(endEntry(begun, 'a', 'proved'), 'a'), false);
  assert.equal(isUnproved(endEntry(begun, 'a', 'withdrawn'), 'a'), false);
  assert.equal(isUnproved([], 'a'), false);
});

test('the record does not grow for ever', () => {
  let record: DeployRecord = [];
  for (let count = 0; count < 200; count += 1) record = deploy(record, `r${count}`, null);
  assert.equal(record.length, 50);
  assert.equal(record.at(-1)?.release, 'r199');
});

test('what is removed: all but the newest, and never what is needed or still runs', () => {
  const kept = (name: string, madeAtMs: number, isRunning = false) => ({ name, madeAtMs, isRunning });
  const releases = [kept('c', 3), kept('a', 1), kept('e', 5), kept('b', 2), kept('f', 6), kept('d', 4)];
  assert.deepEqual(releasesToPrune(releases, [], [], 5), ['a']);
  assert.deepEqual(releasesToPrune(releases, [], [], 3), ['a', 'b', 'c']);
  assert.deepEqual(releasesToPrune(releases, [], ['b', null], 3), ['a', 'c', 'd']);
  assert.deepEqual(releasesToPrune([kept('a', 1, true), kept('b', 2)], [], [], 1), []);
  assert.deepEqual(releasesToPrune(releases.slice(0, 5), [], [], 5), []);
  const record = deploy(endEntry(begin(deploy([], 'b', 'a'), 'c', 'b'), 'c', 'withdrawn'), 'b', 'c');
  const first = releases.filter(({ name }) => name !== 'f' && name !== 'e');
  assert.deepEqual(releasesToPrune(first, record, ['b'], 2), ['c', 'd'], 'what was healthy stays longer');
});
