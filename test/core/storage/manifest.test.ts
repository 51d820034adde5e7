import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeMountField } from './mount-fixture.ts';
import { parseManifest } from '../../../src/core/storage/manifest.ts';

const bounds = { jobsRoot: '/srv/ha/jobs', boxMount: '/srv/ha/box' };

test('lines, comments, blanks, CRLF, a byte order mark, trailing slashes', () => {
  const text =
    '\uFEFF# annual\r\n\r\n/srv/ha/box/jobs/hc /srv/ha/jobs/hc\r\n   /srv/ha/box/x/\t\t/srv/ha/jobs/x/   \n#/srv/ha/box/y /srv/ha/jobs/y';
  const manifest = parseManifest(text, bounds);
  assert.deepEqual(manifest.problems, []);
  assert.deepEqual(manifest.entries, [
    { coldPath: '/srv/ha/box/jobs/hc', hotPath: '/srv/ha/jobs/hc', line: 3 },
    { coldPath: '/srv/ha/box/x', hotPath: '/srv/ha/jobs/x', line: 4 },
  ]);
});

test('a path with a blank, a tab, a newline, a backslash or a # is written as in fstab', () => {
  const { entries } = parseManifest(
    '/srv/ha/box/a\\040b /srv/ha/jobs/\\043a\\040b\\011c\\012d\\134e',
    bounds,
  );
  assert.equal(entries[0]?.coldPath, '/srv/ha/box/a b');
  assert.equal(entries[0].hotPath, '/srv/ha/jobs/#a b\tc\nd\\e');
});

const refused: readonly (readonly [string, RegExp])[] = [
  ['/srv/ha/box/a', /found 1 field /],
  ['/srv/ha/box/a /srv/ha/jobs/a extra', /found 3 fields/],
  ['box/a /srv/ha/jobs/a', /cold path box\/a is not absolute/],
  ['/srv/ha/box/a jobs/a', /hot path jobs\/a is not absolute/],
  ['/srv/ha/box/a /srv/ha/jobs/../../etc', /contains/],
  ['/srv/ha/box//a /srv/ha/jobs/a', /contains/],
  ['/srv/ha/box/a /srv/ha/other/a', /does not lie below the jobs root/],
  ['/srv/ha/box/a /srv/ha/jobs', /does not lie below the jobs root/],
  ['/srv/ha/box/a /srv/ha/jobs2/a', /does not lie below the jobs root/],
  ['/srv/ha/elsewhere/a /srv/ha/jobs/a', /does not lie below the storage box/],
  ['/srv/ha/box /srv/ha/jobs/a', /does not lie below the storage box/],
];
for (const [line, message] of refused) {
  test(`refused: ${line}`, () => {
    const good = '/srv/ha/box/ok /srv/ha/jobs/ok';
    const { entries, problems } = parseManifest(`${good}\n${line}\n`, bounds);
    assert.equal(entries.length, 1, 'one bad line does not spoil the others');
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.line, 2);
    assert.match(problems[0].message, message);
  });
}

test('the second line for a hot path is refused and names the first', () => {
  const text = '/srv/ha/box/a /srv/ha/jobs/a\n/srv/ha/box/b /srv/ha/jobs/a/';
  const { entries, problems } = parseManifest(text, bounds);
  assert.deepEqual(
    entries.map((entry) => entry.coldPath),
    ['/srv/ha/box/a'],
  );
  assert.match(problems[0]?.message ?? '', /already stands in line 1/);
});

test('property: any text gives entries inside their roots, and never throws', () => {
  const piece = fc.constantFrom(
    '/srv/ha/box/',
    '/srv/ha/jobs/',
    '..',
    '/',
    ' ',
    '\n',
    '\r\n',
    '#',
    'a',
    '\\040',
    '\\057..',
    '\t',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
      for (const { coldPath, hotPath } of parseManifest(pieces.join(''), bounds).entries) {
        assert.ok(hotPath.startsWith('/srv/ha/jobs/') && coldPath.startsWith('/srv/ha/box/'));
        assert.ok(!hotPath.split('/').includes('..') && !coldPath.split('/').includes('..'));
      }
    }),
  );
});

test('property: any names can be written', () => {
  const name = fc.string({ minLength: 1 }).filter((text) => !/[/\0]/.test(text) && !/^\.{1,2}$/.test(text));
  fc.assert(
    fc.property(name, (text) => {
      const line = `/srv/ha/box/${escapeMountField(text)} /srv/ha/jobs/${escapeMountField(text)}`;
      fc.pre(line === line.trim());
      assert.equal(parseManifest(line, bounds).entries[0]?.hotPath, `/srv/ha/jobs/${text}`);
    }),
  );
});
