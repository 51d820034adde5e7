/** Crawls that are cut short, and what the next attempt makes of it: nothing of what was archived is lost, or doubled. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSite } from '../../lab/site.ts';
import { parseCdxLine } from '../../src/core/crawler/cdx.ts';
import { AttemptBench, until } from './attempt-bench.ts';

test('TERM in the middle of a crawl: what is there stays whole, the next attempt gets the rest', async (t) => {
  const site = await startSite({ pages: 100, delayMs: 20, slowMs: 20 });
  t.after(() => site.close());
  const bench = new AttemptBench(t);
  const started = await bench.start([site.url]);
  await until(() => site.hits.length > 30, 'some pages');
  started.attempt.terminate();
  await started.attempt.exited;
  const cut = started.record();
  assert.deepEqual(cut?.exit, { kind: 'signaled', signal: 'SIGTERM' });
  assert.ok((cut.archived?.pages ?? 0) >= 20);
  assert.deepEqual(bench.warcs(), ['7-001-00000.warc.gz', '7-001.cdx']);
  const first = readFileSync(join(bench.outputDir, 'warcs', '7-001-00000.warc.gz'));

  const { record, judgement } = await bench.run([site.url]);
  assert.equal(judgement.outcome, 'success');
  assert.ok((record.archived?.revisits ?? 0) >= (cut.archived?.pages ?? 0) - 1);
  assert.deepEqual(readFileSync(join(bench.outputDir, 'warcs', '7-001-00000.warc.gz')), first);
  const isPage = ([type]: [string, string]): boolean => type === 'response' || type === 'revisit';
  const urls = new Set((await bench.records(2)).filter(isPage).map(([, url]) => url));
  const pages = site.paths.filter(({ path }) => /page-\d+\.html$/.test(path));
  for (const { url } of pages) assert.ok(urls.has(url), url);
});

test('a WARC file that lost its end in a crash: the lost records are fetched again, not referred to', async (t) => {
  const site = await startSite({ pages: 40, slowMs: 10 });
  t.after(() => site.close());
  const bench = new AttemptBench(t);
  await bench.run([site.url]);
  const warc = join(bench.outputDir, 'warcs', '7-001-00000.warc.gz');
  const cdx = join(bench.outputDir, 'warcs', '7-001.cdx');
  const entries = readFileSync(cdx, 'utf8')
    .split('\n')
    .flatMap((line) => parseCdxLine(line) ?? []);
  const half = entries[Math.floor(entries.length / 2)];
  assert.ok(half);
  // Cut in the middle of a record; the CDX still names it and all after it, and ends in half a line.
  truncateSync(warc, half.offset + 200);
  writeFileSync(cdx, readFileSync(cdx).subarray(0, -40));
  const lost = entries.filter(({ offset }) => offset >= half.offset).map(({ url }) => url);

  const { record, judgement } = await bench.run([site.url]);
  assert.equal(judgement.outcome, 'success');
  const records = await bench.records(2);
  const typesOf = (url: string): string[] =>
    records.filter(([type, target]) => target === url && type !== 'request').map(([type]) => type);
  for (const url of lost) assert.deepEqual(typesOf(url), ['response'], url);
  // Redirects have empty bodies, and of several URLs with the same content wget knows only one.
  const kept = entries.filter(({ offset, status }) => offset < half.offset && status === 200);
  for (const { url } of kept) assert.deepEqual(typesOf(url), ['revisit'], url);
  assert.ok((record.archived?.revisits ?? 0) > 0);
  assert.equal(statSync(warc).size, half.offset + 200, 'the damaged file is left as it is');
});
