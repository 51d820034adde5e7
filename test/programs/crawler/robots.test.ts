import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readRobots } from '../../../src/programs/crawler/manners.ts';

const site = 'https://a.example';
const allows = (text: string, path: string): boolean | undefined =>
  readRobots(`${site}/robots.txt`, 200, text, 'HealthArchive')?.isAllowed(site + path);

describe('robots.txt', () => {
  for (const [what, text, path, isAllowed] of [
    ['empty', '', '/x', true],
    ['for everybody', 'User-agent: *\nDisallow: /private/', '/private/x', false],
    ['elsewhere', 'User-agent: *\nDisallow: /private/', '/public', true],
    ['with a byte order mark', '\ufeffUser-agent: *\nDisallow: /', '/x', false],
    [
      'our own group, not that for everybody',
      'User-agent: *\nDisallow: /\n\nUser-agent: healtharchive\nDisallow: /own/',
      '/x',
      true,
    ],
    [
      'our own group bars',
      'User-agent: *\nDisallow:\n\nUser-agent: HealthArchive\nDisallow: /own/',
      '/own/x',
      false,
    ],
    ['several names for one group', 'User-agent: a\nUser-agent: HealthArchive\nDisallow: /x', '/x', false],
    ['the longest rule counts', 'User-agent: *\nDisallow: /a/\nAllow: /a/b/', '/a/b/c', true],
    ['wildcards', 'User-agent: *\nDisallow: /*.pdf$', '/x/y.pdf', false],
    ['wildcards, to the end', 'User-agent: *\nDisallow: /*.pdf$', '/x/y.pdf?z', true],
    ['an empty rule allows', 'User-agent: *\nDisallow:', '/x', true],
    [
      'Windows line ends and comments',
      '# hello\r\nUser-agent: * # all\r\nDisallow: /x # this\r\n',
      '/x',
      false,
    ],
    ['no robots.txt, but a page', '<html>not found</html>', '/x', true],
  ] as const) {
    test(what, () => {
      assert.equal(allows(text, path), isAllowed);
    });
  }

  test('what a server says instead of it', () => {
    const seen = (status: number) =>
      readRobots(`${site}/robots.txt`, status, 'User-agent: *\nDisallow: /', 'x')?.isAllowed(`${site}/x`);
    assert.deepEqual([200, 301, 401, 404, 429, 500, 503].map(seen), [
      false,
      true,
      true,
      true,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
