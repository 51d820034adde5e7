/** Crawls of sites that behave as sites on the net do: what is archived is whole, and nothing that belongs to it is missing. */
import assert from 'node:assert/strict';
import { scopeOf, scopePattern } from '../../../src/core/crawler/scope.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { answers, CrawlJob, crawlSite, OddSite, type Page } from './crawl-setup.ts';

const html = { 'Content-Type': 'text/html; charset=utf-8' };
const redirect =
  (to: string, more: Record<string, string> = {}): Page =>
  (_request, response) => {
    response.writeHead(302, { Location: to, ...more }).end();
  };
const done = { kind: 'complete' };

describe('a crawl', () => {
  test('is of every page and what it is made of, each once', async () => {
    const crawled = await crawlSite({
      '/': '<a href=a.html><a href="b.html#x"><img src=i.png srcset="j.png 2x"><link rel=stylesheet href=s.css><a href=//other.invalid/>',
      '/a.html': '<a href=/><a href=b.html>',
      '/b.html': '<a href=gone.html>',
      '/s.css': (_request, response) =>
        void response.writeHead(200, { 'Content-Type': 'text/css' }).end('a { b: url(k.png) }'),
    });
    assert.deepEqual(crawled.end, done);
    assert.deepEqual(answers(crawled).toSorted(), [
      '200 /',
      '200 /a.html',
      '200 /b.html',
      '200 /s.css',
      '404 /gone.html',
      '404 /i.png',
      '404 /j.png',
      '404 /k.png',
    ]);
    assert.equal(new Set(crawled.site.hits).size, crawled.site.hits.length);
    assert.deepEqual(crawled.counts, { queued: 0, archived: 8, failed: 0, barred: 0 });
    const types = crawled.records.map(({ type }) => type);
    assert.equal(types[0], 'warcinfo');
    assert.equal(types.filter((type) => type === 'request').length, 9, 'robots.txt too');
  });

  test('stays in the scope of its seeds, but for what pages are made of', async () => {
    const crawled = await crawlSite(
      {
        '/en/': '<a href=/fr/><a href=x/><img src=/shared/i.png>',
        '/en/x/': 'x',
        '/fr/': 'no',
        '/shared/i.png': 'png',
      },
      { seeds: ['/en/'] },
    );
    assert.deepEqual(answers(crawled).toSorted(), ['200 /en/', '200 /en/x/', '200 /shared/i.png']);
  });

  test('of a server that compresses unasked, or says that it does', async () => {
    const crawled = await crawlSite({
      '/': (_request, response) =>
        void response
          .writeHead(200, { ...html, 'Content-Encoding': 'gzip' })
          .end(gzipSync('<a href=a><a href=b>')),
      '/a': (_request, response) =>
        void response.writeHead(200, { ...html, 'Content-Encoding': 'gzip' }).end('<a href=c>'),
    });
    assert.deepEqual(answers(crawled).toSorted(), ['200 /', '200 /a', '404 /b', '404 /c']);
  });

  test('passes a cookie wall', async () => {
    const wall: Page = (request, response) => {
      if (request.headers.cookie?.includes('seen=1') === true)
        response.writeHead(200, html).end('<a href=in>');
      else response.writeHead(302, { Location: '/', 'Set-Cookie': 'seen=1; Path=/' }).end();
    };
    const crawled = await crawlSite({ '/': wall, '/in': 'in' });
    assert.deepEqual(answers(crawled), ['302 /', '200 /', '200 /in']);
  });

  test('passes one that leads over another page', async () => {
    const page: Page = (request, response) => {
      if (request.headers.cookie !== undefined) response.writeHead(200, html).end('<a href=in>');
      else response.writeHead(302, { Location: '/check' }).end();
    };
    const crawled = await crawlSite({
      '/': page,
      '/check': redirect('/', { 'Set-Cookie': 'a=b' }),
      '/in': 'in',
    });
    assert.deepEqual(answers(crawled), ['302 /', '302 /check', '200 /', '200 /in']);
  });

  test('does not go round in circles', async () => {
    const crawled = await crawlSite({
      '/': '<a href=/loop><a href=/trap/>',
      '/loop': redirect('/loop2'),
      '/loop2': redirect('/loop'),
      ...Object.fromEntries(
        Array.from({ length: 12 }, (_, deep) => [`/trap${'/x'.repeat(deep)}/`, '<a href=x/>']),
      ),
    });
    assert.deepEqual(crawled.end, done);
    assert.ok(crawled.site.hits.length < 20, crawled.site.hits.join(' '));
    assert.match(crawled.barred[0]?.because ?? '', /trap/);
  });

  test('keeps to robots.txt, and tells what it bars', async () => {
    const crawled = await crawlSite({
      '/robots.txt': 'User-agent: *\nDisallow: /private',
      '/': '<a href=/private/x><a href=/public>',
      '/public': 'yes',
    });
    assert.deepEqual(answers(crawled), ['200 /', '200 /public']);
    assert.deepEqual(
      crawled.barred.map(({ because }) => because),
      ['robots.txt'],
    );
    assert.equal(crawled.site.count('/robots.txt'), 1);
  });

  test('keeps the same body once', async () => {
    const body = `the same ${'x'.repeat(200)}`;
    const crawled = await crawlSite({ '/': '<a href=a><a href=b>', '/a': body, '/b': body });
    const revisits = crawled.records.filter(({ type }) => type === 'revisit');
    assert.equal(revisits.length, 1);
    const original = crawled.records.find(({ type, url }) => type === 'response' && url?.endsWith('/a'));
    assert.equal(revisits[0]?.fields.get('WARC-Payload-Digest'), original?.fields.get('WARC-Payload-Digest'));
    assert.equal(revisits[0]?.fields.get('WARC-Refers-To-Target-URI'), original?.url);
    assert.match(revisits[0]?.block.toString() ?? '', /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
  });

  test('a page in another alphabet, and a link with odd characters', async () => {
    const crawled = await crawlSite({
      '/': (_request, response) =>
        void response
          .writeHead(200, { 'Content-Type': 'text/html; charset=Shift_JIS' })
          .end(
            Buffer.concat([
              Buffer.from('<a href="/'),
              Buffer.from([0x83, 0x65]),
              Buffer.from('">x<a href="a b?x=é">'),
            ]),
          ),
    });
    assert.deepEqual(answers(crawled), ['200 /', '404 /%E3%83%86', '404 /a%20b?x=%EF%BE%83%EF%BD%A9']);
  });
});

describe('answers that are not complete', () => {
  test('are asked for again, and only a whole one is kept', async () => {
    const page = 'x'.repeat(100_000);
    const crawled = await crawlSite({
      '/': '<a href=big>',
      '/big': (_request, response, count) => {
        response.writeHead(200, { ...html, 'Content-Length': page.length });
        if (count === 3) response.end(page);
        else response.write(page.slice(0, 40_000), () => setTimeout(() => response.destroy(), 20));
      },
    });
    assert.deepEqual(answers(crawled), ['200 /', '200 /big']);
    assert.equal(
      crawled.records.find(({ url, type }) => type === 'response' && url?.endsWith('/big'))?.payload.length,
      100_000,
    );
    assert.equal(crawled.counts.failed, 0);
  });

  test('again and again: it has failed, and is named', async () => {
    const crawled = await crawlSite({
      '/': '<a href=never>',
      '/never': (_request, response) => void response.destroy(),
    });
    assert.deepEqual(crawled.end, done);
    assert.deepEqual(
      crawled.failed.map(({ url }) => new URL(url).pathname),
      ['/never'],
    );
    // Four times; each may have been asked twice, as it came over a connection that was used before.
    assert.ok(crawled.site.count('/never') >= 4 && crawled.site.count('/never') <= 8);
  });

  test('a server that asks for patience gets it', async () => {
    const crawled = await crawlSite({
      '/': '<a href=a>',
      '/a': (_request, response, count) => {
        if (count < 3) response.writeHead(429, { 'Retry-After': '0' }).end();
        else response.writeHead(200, html).end('a');
      },
    });
    assert.deepEqual(answers(crawled), ['200 /', '200 /a']);
  });
});

describe('an outage', () => {
  const pages = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [
      `/${index === 0 ? '' : index}`,
      `<a href=/${index + 1}>${index}`,
    ]),
  );

  test('uses up no address: the crawl pauses, and goes on', async () => {
    const site = await new OddSite(pages).start();
    const job = new CrawlJob([site.url], { waitSeconds: 0.01 });
    const attempt = job.attempt();
    await sleep(150);
    await site.stop();
    await sleep(1500);
    await site.start();
    const crawled = await attempt;
    await site.stop();
    job.remove();
    assert.deepEqual(crawled.end, done);
    assert.deepEqual({ ...crawled.counts }, { queued: 0, archived: 41, failed: 0, barred: 0 });
    assert.ok(crawled.said.some((line) => line.includes('pauses')));
  });

  test('that lasts: the attempt ends, and the next one goes on', async () => {
    const site = await new OddSite(pages).start();
    const job = new CrawlJob([site.url], { waitSeconds: 0.01, outagePatienceMs: 1500 });
    const attempt = job.attempt();
    await sleep(150);
    await site.stop();
    const { end, counts } = await attempt;
    assert.equal(end.kind, 'source_unreachable');
    assert.equal(counts.failed, 0);
    await site.start();
    const crawled = await job.attempt();
    await site.stop();
    job.remove();
    assert.deepEqual(
      [crawled.end, { ...crawled.counts }],
      [done, { queued: 0, archived: 41, failed: 0, barred: 0 }],
    );
  });

  test('a server that can not say what it allows is away, and asked again', async () => {
    const crawled = await crawlSite({
      ...pages,
      '/robots.txt': (_, response, count) => {
        response.writeHead(count < 3 ? 503 : 404).end();
      },
    });
    assert.deepEqual(crawled.end, done);
    assert.deepEqual({ ...crawled.counts }, { queued: 0, archived: 41, failed: 0, barred: 0 });
    assert.ok(crawled.said.some((line) => line.includes('pauses')));
    assert.equal(crawled.site.hits.indexOf('/'), 4, 'nothing else is asked for before');
  });

  test('a dead link is none', async () => {
    const dead = Array.from({ length: 4 }, (_, index) => `<img src="http://127.0.0.1:1/${index}">`).join('');
    const crawled = await crawlSite({ '/': `${dead}<a href=/a>`, '/a': 'a' });
    assert.deepEqual(crawled.end, done);
    assert.deepEqual(answers(crawled), ['200 /', '200 /a']);
    assert.equal(crawled.counts.failed, 4);
  });
});

describe('a server at fault', () => {
  test('is asked again; what it says in the end is archived', async () => {
    const crawled = await crawlSite({
      '/': '<a href=/once><a href=/always>',
      '/once': (_, response, count) => {
        if (count === 1) response.writeHead(502).end('away');
        else response.writeHead(200, { 'Content-Type': 'text/html' }).end('here');
      },
      '/always': (_, response) => {
        response.writeHead(500).end('broken');
      },
    });
    assert.deepEqual(crawled.end, done);
    assert.deepEqual(answers(crawled).toSorted(), ['200 /', '200 /once', '500 /always']);
    assert.deepEqual([crawled.site.count('/once'), crawled.site.count('/always')], [2, 4]);
    assert.equal(crawled.counts.failed, 0);
  });
});

test('pictures of other hosts are left alone when they are not wanted', async () => {
  const other = await new OddSite({ '/a.png': 'x' }).start();
  const site = await new OddSite({
    '/': `<img src="${other.url}a.png"><img src="/own.png">`,
    '/own.png': 'x',
  }).start();
  const hosts = new Set([new URL(site.url).host]);
  const job = new CrawlJob([site.url], {
    scope: { pattern: new RegExp(scopePattern(scopeOf([site.url]))), hosts, requisitesFromOtherHosts: false },
  });
  const crawled = await job.attempt();
  await Promise.all([site.stop(), other.stop()]);
  job.remove();
  assert.deepEqual(answers(crawled), ['200 /', '200 /own.png']);
  assert.deepEqual(other.hits, []);
});

test('stopped at any moment, the next attempt goes on where it was', async () => {
  const count = 150;
  const pages = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      index === 0 ? '/' : `/${index}`,
      `${index} ${[2 * index + 1, 2 * index + 2].map((next) => `<a href=/${next}>`).join('')}`,
    ]),
  );
  const site = await new OddSite(pages).start();
  const job = new CrawlJob([site.url]);
  let stops = 0;
  for (let isComplete = false; !isComplete;) {
    const stop = new AbortController();
    const timer = setTimeout(
      () => {
        stop.abort();
      },
      15 + 10 * stops,
    );
    const { end, counts, records } = await job.attempt(stop.signal);
    clearTimeout(timer);
    isComplete = end.kind === 'complete';
    if (isComplete) {
      const seen = new Set(records.filter(({ status }) => status === 200).map(({ url }) => url));
      for (const path of Object.keys(pages))
        assert.ok(seen.has(new URL(path, site.url).href), `${path} is missing`);
      assert.equal(counts.failed, 0);
    } else stops += 1;
  }
  assert.ok(stops > 0);
  const pagesAsked = site.hits.filter((hit) => hit !== '/robots.txt').length;
  assert.ok(pagesAsked <= new Set(site.hits).size + 5 * stops, `${pagesAsked} requests, ${stops} stops`);
  await site.stop();
  job.remove();
});
