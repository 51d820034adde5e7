import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { crawlUrl, whyTrap } from '../../../src/core/crawler/crawl-url.ts';

const base = 'https://www.canada.ca/en/health/page.html?x=1';

describe('one spelling for each address', () => {
  for (const [reference, expected] of [
    ['other.html', 'https://www.canada.ca/en/health/other.html'],
    ['../up/#part', 'https://www.canada.ca/en/up/'],
    ['?y=2', 'https://www.canada.ca/en/health/page.html?y=2'],
    ['//cdn.example/a.js', 'https://cdn.example/a.js'],
    ['HTTP://WWW.Canada.CA:80/a b', 'http://www.canada.ca/a%20b'],
    ['https://user:secret@a.example/', 'https://a.example/'],
    [' \n/a\t/b ', 'https://www.canada.ca/a/b'],
    ['https://santé.example/é', 'https://xn--sant-epa.example/%C3%A9'],
    ['http://[2001:DB8::1]:8080/', 'http://[2001:db8::1]:8080/'],
    ['mailto:a@b.example', null],
    ['javascript:void(0)', null],
    ['data:text/plain,x', null],
    ['http://', null],
    ['https://a.example:99999/', null],
  ] as const) {
    test(JSON.stringify(reference), () => {
      assert.equal(crawlUrl(reference, base), expected);
    });
  }

  test('its own spelling stays', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (text) => {
        const url = crawlUrl(text);
        assert.ok(url !== null);
        assert.equal(crawlUrl(url), url);
        assert.ok(!url.includes('#'));
      }),
    );
  });
});

describe('traps', () => {
  for (const [url, isTrap] of [
    ['https://a.example/en/health/topics/a/', false],
    ['https://a.example/a/a/a/b', false],
    ['https://a.example/x/a/a/a/a/b', true],
    ['https://a.example/en/fr/en/fr/en/fr/en/fr/', true],
    ['https://a.example/2026/01/2026/01/', false],
    [`https://a.example/${'s/t'.repeat(1)}${'/u'.repeat(3)}`, false],
    [`https://a.example/${Array.from({ length: 41 }, (_, index) => `s${index}`).join('/')}`, true],
    [`https://a.example/?q=${'x'.repeat(5000)}`, true],
    ['https://a.example/?a=1&a=1&a=1&a=1&a=1', false],
  ] as const) {
    test(`${url.slice(0, 60)} ${isTrap ? 'is one' : 'is none'}`, () => {
      assert.equal(whyTrap(url) !== null, isTrap, whyTrap(url) ?? '');
    });
  }

  test('a long address is judged in no time', () => {
    const begin = performance.now();
    whyTrap(`https://a.example/${'ab/'.repeat(1200)}`);
    whyTrap(`https://a.example/${'a'.repeat(4000)}`);
    assert.ok(performance.now() - begin < 500);
  });
});
