import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scopeOf, scopePattern } from '../../../src/core/crawler/scope.ts';

interface Case {
  readonly seeds: string[];
  readonly inside: string[];
  readonly outside: string[];
}

const cases: Record<string, Case> = {
  'the top of a host': {
    seeds: ['https://a.example/'],
    inside: ['https://a.example/', 'http://a.example/x/y?z', 'https://a.example/robots.txt'],
    outside: [
      'https://b.example/',
      'https://a.example.org/',
      'https://www.a.example/',
      'https://a.example:8443/',
    ],
  },
  'a folder': {
    seeds: ['https://a.example/en/'],
    inside: ['https://a.example/en/', 'https://a.example/en/x', 'http://a.example/en/?q=1'],
    outside: [
      'https://a.example/en',
      'https://a.example/',
      'https://a.example/fr/',
      'https://a.example/x/en/',
    ],
  },
  'a file stands for its folder': {
    seeds: ['https://a.example/en/index.html'],
    inside: ['https://a.example/en/', 'https://a.example/en/other.html'],
    outside: ['https://a.example/fr/index.html'],
  },
  'a section without a slash': {
    seeds: ['https://a.example/en/health'],
    inside: ['health', 'health/', 'health/x', 'health.html', 'health?q'].map(
      (end) => `https://a.example/en/${end}`,
    ),
    outside: ['https://a.example/en/', 'https://a.example/en/healthy', 'https://a.example/en/health-2'],
  },
  'a port belongs to the host': {
    seeds: ['http://127.0.0.1:8001/'],
    inside: ['http://127.0.0.1:8001/x'],
    outside: [
      'http://127.0.0.1:8002/x',
      'http://127.0.0.1/x',
      'http://127.0.0.1:80011/x',
      'http://127x0.0.1:8001/x',
    ],
  },
  'the union of several seeds': {
    seeds: ['https://a.example/en/', 'https://a.example/fr/', 'https://b.example/'],
    inside: ['https://a.example/en/x', 'https://a.example/fr/x', 'https://b.example/x'],
    outside: ['https://a.example/de/', 'https://c.example/en/'],
  },
  'percent escapes in either case': {
    seeds: ['https://a.example/sant%C3%A9/'],
    inside: ['https://a.example/sant%C3%A9/x', 'https://a.example/sant%c3%a9/x'],
    outside: ['https://a.example/sante/'],
  },
  'characters that patterns have a meaning for': {
    seeds: ['https://a.example/a+b(c)[d]$^|{2}.*/', 'http://[::1]:8080/x/'],
    inside: [new URL('https://a.example/a+b(c)[d]$^|{2}.*/x').href, 'http://[::1]:8080/x/y'],
    outside: ['https://a.example/aab(c)/', 'https://a.example/', 'http://[::1]:8080/y'],
  },
};

for (const [name, { seeds, inside, outside }] of Object.entries(cases)) {
  test(`scope: ${name}`, () => {
    const pattern = new RegExp(scopePattern(scopeOf(seeds)));
    for (const url of inside) assert.ok(pattern.test(url), `${url} should be inside`);
    for (const url of outside) assert.ok(!pattern.test(url), `${url} should be outside`);
  });
}

test('parts that another part covers are left out, in any order', () => {
  const wide = 'https://a.example/';
  const narrow = 'https://a.example/en/x/';
  assert.deepEqual(scopeOf([wide, narrow]), scopeOf([wide]));
  assert.deepEqual(scopeOf([narrow, wide]), scopeOf([wide]));
  assert.equal(scopeOf(['https://a.example/en', 'https://a.example/en/']).length, 1);
  assert.equal(scopeOf(['https://a.example/en', 'https://a.example/english/']).length, 2);
});

const anyUrl = fc.webUrl({ withQueryParameters: true }).map((url) => new URL(url).href);

test('every seed is in its own scope, also as a POSIX pattern would see it', () => {
  fc.assert(
    fc.property(fc.array(anyUrl, { minLength: 1, maxLength: 4 }), (seeds) => {
      const pattern = new RegExp(scopePattern(scopeOf(seeds)));
      for (const seed of seeds) assert.ok(pattern.test(seed), seed);
    }),
  );
});

test('one host never lets in another', () => {
  fc.assert(
    fc.property(anyUrl, anyUrl, (seed, other) => {
      fc.pre(new URL(seed).host !== new URL(other).host);
      assert.ok(!new RegExp(scopePattern(scopeOf([seed]))).test(other));
    }),
  );
});
