import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cdxjLine, surt } from '../../../src/core/crawler/cdxj.ts';

describe('keys of the index', () => {
  for (const [url, expected] of [
    ['https://www.canada.ca/en/Health.html', 'ca,canada)/en/health.html'],
    ['http://a.example/', 'example,a)/'],
    ['http://www2.a.example:8080/x/?b=2&a=1', 'example,a:8080)/x?a=1&b=2'],
    ['http://192.0.2.1/x', '192.0.2.1)/x'],
    ['http://[2001:db8::1]:81/', '[2001:db8::1]:81)/'],
  ] as const) {
    test(url, () => {
      assert.equal(surt(url), expected);
    });
  }
});

test('a line', () => {
  const line = cdxjLine({
    url: 'https://a.example/x',
    date: '2026-01-02T03:04:05.678Z',
    status: 200,
    mime: 'text/html',
    digest: 'sha1:A',
    offset: 10,
    length: 20,
    file: '1-001-00000.warc.gz',
    isRevisit: false,
  });
  assert.equal(
    line,
    'example,a)/x 20260102030405 {"url":"https://a.example/x","mime":"text/html","status":"200","digest":"sha1:A","length":"20","offset":"10","filename":"1-001-00000.warc.gz"}\n',
  );
});
