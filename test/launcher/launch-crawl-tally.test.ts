/** The count of what was archived. The working directory is the output directory, as in the launcher. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { CDX_HEADER, parseCdxLine, type CdxEntry } from '../../src/core/crawler/cdx.ts';
import { CrawlTally } from '../../src/effects/launcher/crawl-tally.ts';
import { UrlFlags } from '../../src/effects/launcher/url-flags.ts';

const home = process.cwd();
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healtharchive-tally-'));
  process.chdir(folder);
  mkdirSync('warcs');
});

afterEach(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

function line(url: string, status = 200, redirect = '-'): string {
  const id = '<urn:uuid:00000000-0000-4000-8000-000000000000>';
  return `${url} 20261123175228 ${url} text/html ${status} ${'A'.repeat(32)} ${redirect} - 0 warcs/1-001-00000.warc.gz ${id}`;
}

function entry(...of: Parameters<typeof line>): CdxEntry {
  const parsed = parseCdxLine(line(...of));
  assert.ok(parsed);
  return parsed;
}

function own(...lines: string[]): string[] {
  writeFileSync('warcs/1-002.cdx', `${[CDX_HEADER, ...lines].join('\n')}\n`);
  return ['1-002.cdx'];
}

test('pages, errors, revisits, scope and robots.txt', () => {
  const tally = new CrawlTally(['http://a.example/'], '^http://a\\.example/');
  for (const name of ['', 'same', 'robots.txt', 'gone']) tally.addEarlier(entry(`http://a.example/${name}`));
  tally.addEarlier(entry('http://a.example/bad', 404));
  for (const name of ['', 'same', 'robots.txt', 'bad', 'new']) tally.addAnswer(`http://a.example/${name}`);
  tally.readOwn(
    own(
      line('http://a.example/', 200),
      line('http://a.example/new', 500),
      line('http://a.example/new', 200),
      line('http://a.example/new', 500),
      line('http://a.example/broken', 503),
      line('http://b.example/'),
      line('http://a.example/robots.txt'),
    ),
  );
  assert.deepEqual(tally.counts(), { pages: 4, errorPages: 2, pagesInScope: 3, revisits: 1 });
  assert.equal(tally.hasAnswered('http://a.example/'), true);
});

test('a seed that leads out of its scope by several redirects', () => {
  const seed = 'http://a.example/';
  const tally = new CrawlTally([seed], '^http://a\\.example/');
  const steps = [
    line(seed, 301, '/x'),
    line('http://a.example/x', 302, 'http%3A//b.example/'),
    line('http://a.example/other', 302, 'http%3A//c.example/'),
  ];
  tally.readOwn(own(...steps));
  assert.deepEqual(tally.seedRedirects(), [{ seed, location: 'http://b.example/' }]);
});

test('the flags are those of a map', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.webUrl(), fc.integer({ min: 1, max: 255 })), { maxLength: 50 }),
      (pairs) => {
        const flags = new UrlFlags();
        for (const [url, value] of pairs) flags.set(url, value);
        const map = new Map(pairs);
        assert.deepEqual([...flags.values()].sort(), [...map.values()].sort());
        for (const [url, value] of map) assert.equal(flags.get(url), value);
        assert.equal(flags.get('http://absent.example/'), 0);
      },
    ),
  );
});

test('a hundred thousand URLs are told apart', () => {
  const tally = new CrawlTally(['http://a.example/'], null);
  tally.readOwn(own(...Array.from({ length: 100_000 }, (_, index) => line(`http://a.example/${index}`))));
  assert.equal(tally.counts().pages, 100_000);
});
