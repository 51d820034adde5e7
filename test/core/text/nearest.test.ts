import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearestWord } from '../../../src/core/text/nearest.ts';

const keys = ['poll_seconds', 'max_retries', 'concurrency', 'name', 'user', 'unit'];

const cases: readonly (readonly [string, string | null])[] = [
  ['poll_second', 'poll_seconds'],
  ['pol_seconds', 'poll_seconds'],
  ['poll-seconds', 'poll_seconds'],
  ['pollSeconds', 'poll_seconds'],
  ['POLL_SECONDS', 'poll_seconds'],
  ['max_retry', 'max_retries'],
  ['concurency', 'concurrency'],
  ['nmae', 'name'],
  ['units', 'unit'],
  ['heartbeat', null],
  ['', null],
  ['jobs_root', null],
];

for (const [word, expected] of cases) {
  test(`nearest to ${JSON.stringify(word)}: ${expected ?? 'nothing'}`, () => {
    assert.equal(nearestWord(word, keys), expected);
  });
}

test('no candidates, no answer', () => {
  assert.equal(nearestWord('name', []), null);
});

const words = fc.string({ unit: fc.constantFrom('a', 'b', '_'), minLength: 1, maxLength: 12 });

test('property: a candidate is nearest to itself, and with one typo in it still near', () => {
  fc.assert(
    fc.property(words, fc.nat(11), fc.array(words), (word, at, others) => {
      assert.equal(nearestWord(word, [...others, word]), word);
      const typo = word.slice(0, at) + word.slice(at + 1);
      assert.notEqual(nearestWord(typo, [...others, word]), null);
    }),
  );
});

test('property: the answer is one of the candidates, and the first of those that are as near', () => {
  fc.assert(
    fc.property(words, fc.uniqueArray(words, { maxLength: 6 }), (word, candidates) => {
      const answer = nearestWord(word, candidates);
      if (answer === null) return;
      assert.ok(candidates.includes(answer));
      assert.equal(nearestWord(word, [answer, ...candidates]), answer);
    }),
  );
});
