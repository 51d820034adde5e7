import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CDX_HEADER, parseCdxLine } from '../../../src/core/crawler/cdx.ts';

/** Written by wget 1.21. */
const page =
  'http://127.0.0.1:8101/en/ 20261123175228 http://127.0.0.1:8101/en/ text/html 200 NLCJMYYK6GN3O4M4HRWL4WN5XLKHITMW - - 961 warcs/1-001-00000.warc.gz <urn:uuid:e62c0727-f173-4643-ac18-a92576c7034f>';
const redirect =
  'http://127.0.0.1:8101/en/r 20261123175228 http://127.0.0.1:8101/en/r - 302 4LLXLKRCVKBLOPQTO4NWRILOD4F4KOZU http%3A//127.0.0.1%3A8102/en/x - 9575 warcs/1-001-00000.warc.gz <urn:uuid:a8f70932-56e2-42af-b059-92238914ddb2>';

test('a page', () => {
  assert.deepEqual(parseCdxLine(page), {
    url: 'http://127.0.0.1:8101/en/',
    status: 200,
    redirect: null,
    offset: 961,
    file: '1-001-00000.warc.gz',
    line: page,
  });
});

test('a redirect', () => {
  assert.equal(parseCdxLine(redirect)?.redirect, 'http://127.0.0.1:8102/en/x');
});

test('the header is no entry', () => {
  assert.equal(parseCdxLine(CDX_HEADER), null);
});

test('no part of a line is an entry', () => {
  for (let end = 0; end < page.length; end += 1)
    assert.equal(parseCdxLine(page.slice(0, end)), null, page.slice(0, end));
  for (let start = 1; start < page.length; start += 1) {
    const entry = parseCdxLine(page.slice(start));
    assert.equal(entry, null, page.slice(start));
  }
});

test('anything else is none, and never an exception', () => {
  fc.assert(
    fc.property(fc.string(), (line) => {
      assert.equal(parseCdxLine(line), null);
    }),
  );
});
