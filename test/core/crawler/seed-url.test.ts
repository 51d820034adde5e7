import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalSeed } from '../../../src/core/crawler/crawl-url.ts';

const cases: readonly (readonly [string, string | null])[] = [
  ['https://www.canada.ca/en/health-canada.html', 'https://www.canada.ca/en/health-canada.html'],
  ['http://hc.example', 'http://hc.example/'],
  ['HTTPS://HC.Example/A', 'https://hc.example/A'],
  ['https://hc.example:443/', 'https://hc.example/'],
  ['http://hc.example:8080/x?b=2&a=1', 'http://hc.example:8080/x?b=2&a=1'],
  ['https://hc.example/page#section', 'https://hc.example/page'],
  ['https://hc.example/#', 'https://hc.example/'],
  ['https://hc.example/a/../b', 'https://hc.example/b'],
  ['https://santé.example/é', 'https://xn--sant-epa.example/%C3%A9'],
  ['http://127.0.0.1:8000/', 'http://127.0.0.1:8000/'],
  ['http://[::1]/', 'http://[::1]/'],
  [' https://hc.example/ ', 'https://hc.example/'],
  ['https://hc.example/a b\u001b[31m', 'https://hc.example/a%20b%1B[31m'],
  ['', null],
  ['hc.example', null],
  ['www.canada.ca/en', null],
  ['/srv/www', null],
  ['ftp://hc.example/', null],
  ['file:///etc/passwd', null],
  ['javascript:alert(1)', null],
  ['mailto:a@hc.example', null],
  ['https://', null],
  ['http://user@hc.example/', null],
  ['http://user:secret@hc.example/', null],
  ['http://:secret@hc.example/', null],
  ['http://hc.example:99999/', null],
  ['http://h c.example/', null],
  ['http:8080/', null],
  ['http://8080/', null],
  ['http://:8080/', null],
  ['http:///:8080/', null],
  ['http:hc.example/', null],
  ['localhost:8080', null],
  ['http://hc..example/', null],
  ['http://./', null],
  [`http://${'a'.repeat(64)}.example/`, null],
  ['http://localhost:8080/', 'http://localhost:8080/'],
];

for (const [text, expected] of cases) {
  test(`${JSON.stringify(text)} ${expected === null ? 'is no seed' : `is ${expected}`}`, () => {
    assert.equal(canonicalSeed(text), expected);
  });
}

test('property: a canonical seed stays as it is, is printable ASCII and has no credentials or fragment', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.string()),
      (text) => {
        const seed = canonicalSeed(text);
        if (seed === null) return;
        assert.equal(canonicalSeed(seed), seed);
        assert.match(seed, /^https?:\/\/[\x21-\x7e]+$/);
        assert.ok(!seed.includes('#'), seed);
      },
    ),
  );
});
