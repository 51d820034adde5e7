/** Crawls that are cut short, and what the next attempt makes of it: it goes on, and nothing of what was archived is lost. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSite, type Site } from '../../lab/site.ts';
import { AttemptBench, until } from './attempt-bench.ts';

const isPage = ([type]: [string, string]): boolean => type === 'response' || type === 'revisit';
const numbered = (site: Site) => site.paths.filter(({ path }) => /page-\d+\.html$/.test(path));
const hitsOf = (site: Site) =>
  site.hits.filter(({ path }) => path !== '/robots.txt').map(({ host, path }) => host + path);

test('TERM in the middle of a crawl: what is there stays, the next attempt goes on', async (t) => {
  const site = await startSite({ pages: 100, delayMs: 20, slowMs: 20 });
  t.after(() => site.close());
  const bench = new AttemptBench(t);
  const started = await bench.start([site.url]);
  await until(() => site.hits.length > 30, 'some pages');
  started.attempt.terminate();
  await started.attempt.exited;
  const cut = started.record();
  assert.deepEqual(cut?.exit, { kind: 'signaled', signal: 'SIGTERM' });
  assert.deepEqual(cut.crawl?.end, { kind: 'stopped' });
  assert.ok(cut.crawl.pages >= 20);
  assert.deepEqual(bench.warcs(), ['7-001-00000.warc.gz', '7-001.cdxj']);
  const first = readFileSync(join(bench.outputDir, 'warcs', '7-001-00000.warc.gz'));

  const { judgement } = await bench.run([site.url]);
  assert.equal(judgement.outcome, 'success');
  assert.deepEqual(readFileSync(join(bench.outputDir, 'warcs', '7-001-00000.warc.gz')), first);
  const records = [...(await bench.records(1)), ...(await bench.records(2))].filter(isPage);
  for (const { url } of numbered(site))
    assert.equal(records.filter(([, target]) => target === url).length, 1, url);
});

/** Ten with a script/test, as each is a start of two programs. */
const kills = process.env['HEALTHARCHIVE_TEST_FULL'] === '1' ? 50 : 10;

test(
  `killed at ${kills} random moments: at most the last second is asked for twice, nothing is missing`,
  { timeout: 600_000 },
  async (t) => {
    const site = await startSite({ pages: 30 * kills, delayMs: 20, slowMs: 20 });
    t.after(() => site.close());
    const bench = new AttemptBench(t);
    for (let kill = 0; kill < kills; kill++) {
      const started = await bench.start([site.url]);
      const hits = site.hits.length;
      await until(() => site.hits.length > hits + 1 || started.record() !== null, 'it to crawl');
      assert.equal(started.record(), null, 'it is not at its end yet');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
      started.attempt.kill();
      await started.attempt.exited;
      await until(() => started.isLockFree(), 'the crawler to be gone');
    }
    const { judgement } = await bench.run([site.url]);
    assert.equal(judgement.outcome, 'success', judgement.because);
    const archived = new Set<string>();
    for (let attempt = 1; attempt <= kills + 1; attempt++)
      for (const record of await bench.records(attempt)) if (isPage(record)) archived.add(record[1]);
    for (const { url } of numbered(site)) assert.ok(archived.has(url), url);
    const hits = hitsOf(site);
    const [asked, there] = [hits.length, new Set(hits).size];
    t.diagnostic(`${asked - there} of ${asked} requests were made twice`);
    assert.ok(asked <= there + 5 * kills, `${asked} requests for ${there} addresses`);
  },
);

test('a WARC file that lost its end in a crash: what was in it is asked for again, and it stays as it is', async (t) => {
  const site = await startSite({ pages: 40, slowMs: 10 });
  t.after(() => site.close());
  const bench = new AttemptBench(t);
  const whole = await bench.run([site.url]);
  const warc = join(bench.outputDir, 'warcs', '7-001-00000.warc.gz');
  const half = Math.floor(statSync(warc).size / 2);
  truncateSync(warc, half);

  const { record, judgement } = await bench.run([site.url]);
  assert.equal(judgement.outcome, 'success');
  assert.match(judgement.because, /7-001-00000\.warc\.gz/);
  assert.equal(record.crawl?.pages, whole.record.crawl?.pages);
  assert.equal(record.crawl?.revisits, whole.record.crawl?.revisits, 'nothing refers to what is gone');
  assert.equal(statSync(warc).size, half);
});

test('links that fail for good fail the crawl; the next attempt asks for those alone', async (t) => {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    hits.push(path);
    if (path === '/broken' && !hits.includes('mended')) request.socket.destroy();
    else
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<a href=/1>1</a><a href=/2>2</a><a href=/broken>b</a>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const seed = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const bench = new AttemptBench(t);
  const failed = await bench.run([seed]);
  assert.equal(failed.judgement.outcome, 'crawl_failure');
  assert.match(failed.judgement.because, /1 of 4 addresses could not be had: \S+\/broken/);
  assert.deepEqual(failed.record.crawl?.counts, { queued: 0, archived: 3, failed: 1, barred: 0 });
  hits.push('mended');
  const { record, judgement } = await bench.run([seed]);
  assert.equal(judgement.outcome, 'success');
  assert.deepEqual(record.crawl?.counts, { queued: 0, archived: 4, failed: 0, barred: 0 });
  assert.deepEqual(
    hits.slice(hits.indexOf('mended') + 1).filter((hit) => hit !== '/robots.txt'),
    ['/broken'],
  );
});

test('what was known of the addresses is lost: all is asked for again, and it is said', async (t) => {
  const site = await startSite({ pages: 10, slowMs: 10 });
  t.after(() => site.close());
  const bench = new AttemptBench(t);
  await bench.run([site.url]);
  rmSync(join(bench.folder, 'frontiers'), { recursive: true });
  const { judgement, record } = await bench.run([site.url]);
  assert.equal(record.crawl?.frontier, 'lost');
  assert.equal(judgement.outcome, 'success');
  assert.match(judgement.because, /was lost, so all was asked for again/);
});
