import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultJobName, pathSegment } from '../../../src/core/jobs/naming.ts';

/** Names as people and accidents make them: plain ones, ones with odd characters, dots, and long ones. */
const names = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
  fc.string({ unit: fc.constantFrom('.', '-', '/', 'a', ' ', '\n'), minLength: 1, maxLength: 100 }),
);

const kept = ['hc-2026', 'A.b_c-9', 'x', 'hc-20261123T174500Z', 'a'.repeat(80)];

for (const name of kept) {
  test(`a plain name is kept: ${name.slice(0, 30)}`, () => {
    assert.equal(pathSegment(name), name);
  });
}

const odd: readonly (readonly [string, RegExp])[] = [
  ['Health Canada', /^Health-Canada~[0-9a-f]{8}$/],
  ['../../etc/passwd', /^etc-passwd~[0-9a-f]{8}$/],
  ['..', /^job~[0-9a-f]{8}$/],
  ['.', /^job~[0-9a-f]{8}$/],
  ['', /^job~[0-9a-f]{8}$/],
  ['.hidden', /^hidden~[0-9a-f]{8}$/],
  ['--rf', /^rf~[0-9a-f]{8}$/],
  ['name.', /^name~[0-9a-f]{8}$/],
  ['Santé', /^Sant~[0-9a-f]{8}$/],
  ['\u001b[31m', /^31m~[0-9a-f]{8}$/],
  ['a'.repeat(81), /^a{80}~[0-9a-f]{8}$/],
];

for (const [name, pattern] of odd) {
  test(`an odd name becomes a safe one: ${JSON.stringify(name.slice(0, 30))}`, () => {
    assert.match(pathSegment(name), pattern);
  });
}

test('property: always one harmless, short segment of a path', () => {
  fc.assert(
    fc.property(names, (name) => {
      const segment = pathSegment(name);
      assert.match(segment, /^[A-Za-z0-9_][A-Za-z0-9._~-]*$/);
      assert.notEqual(segment.at(-1), '.');
      assert.ok(segment.length <= 89, `${segment.length} characters`);
    }),
  );
});

test('property: different names get different segments, also a name that looks like the segment of another', () => {
  fc.assert(
    fc.property(names, names, (a, b) => {
      if (a !== b) assert.notEqual(pathSegment(a), pathSegment(b));
      const segment = pathSegment(a);
      if (segment !== a) assert.notEqual(pathSegment(segment), segment);
    }),
  );
});

test('the default name of a job: its source and the second', () => {
  assert.equal(defaultJobName('hc', Date.parse('2026-11-23T17:45:00.123Z')), 'hc-20261123T174500Z');
  assert.equal(pathSegment(defaultJobName('hc', 0)), 'hc-19700101T000000Z');
});
