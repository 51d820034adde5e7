/** Real wget crawls of a real site: what is archived, what is left alone, and what a second attempt adds. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSite } from '../../lab/site.ts';
import { AttemptBench } from './attempt-bench.ts';

/** A server of our own for what the lab's site has not; gives its port. */
async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Pages by path; 404 for the rest. */
async function serveBodies(
  t: TestContext,
  pages: Record<string, string>,
): Promise<{ port: number; hits: string[] }> {
  const hits: string[] = [];
  const port = await serve(t, (request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    hits.push(path);
    const body = pages[path];
    const type = path.endsWith('.png') || path.startsWith('/dynamic') ? 'image/png' : 'text/html';
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type }).end(body ?? 'no');
  });
  return { port, hits };
}

test('two folders of one site: all of both, nothing else but what their pages are made of', async (t) => {
  const site = await startSite({ pages: 60, slowMs: 100 });
  t.after(() => site.close());
  const bench = new AttemptBench(t);
  const { record, judgement } = await bench.run([`${site.url}en/`, `${site.url}fr/`]);
  assert.equal(judgement.outcome, 'success');
  assert.deepEqual(record.exit, { kind: 'exited', code: 8 });
  assert.equal(record.archived?.errorPages, 1);

  const archived = new Set(
    (await bench.records(1)).filter(([type]) => type === 'response').map(([, url]) => url),
  );
  for (const { url, path, kind } of site.paths) {
    if (path === '/' || path === '/robots.txt') continue;
    const isWanted = !path.includes('/internal/') && !path.includes('/partner/');
    assert.equal(archived.has(url), isWanted, `${kind} ${path}`);
  }
  // fr/seulement.html is linked from en/ only, and the pass for fr/ was not needed at all.
  assert.deepEqual(bench.warcs(), ['7-001-00000.warc.gz', '7-001-meta.warc.gz', '7-001.cdx']);
  assert.equal(
    site.hits.some(({ path }) => path.includes('/internal/')),
    false,
  );
});

test('a second attempt: what is unchanged becomes a revisit, files of the first stay as they are', async (t) => {
  const site = await startSite({ pages: 20, slowMs: 10 });
  t.after(() => site.close());
  const bench = new AttemptBench(t);
  const first = await bench.run([site.url]);
  const file = join(bench.outputDir, 'warcs', '7-001-00000.warc.gz');
  const bytes = readFileSync(file);
  const second = await bench.run([site.url]);
  assert.equal(second.judgement.outcome, 'success');
  assert.equal(second.record.archived?.pages, first.record.archived?.pages);
  assert.equal(second.record.archived?.errorPages, first.record.archived?.errorPages);
  assert.equal(second.record.archived?.revisits, second.record.archived?.pages);
  const [before, after] = [await bench.records(1), await bench.records(2)];
  const urlsOf = (records: [string, string][], wanted: string): string[] =>
    records.filter(([type]) => type === wanted).map(([, url]) => url);
  // wget knows one URL per content: of the two redirects, whose bodies are empty, one is stored again.
  assert.match(urlsOf(after, 'response').join(), /^http:\S+(old-address|partner)\.html$/);
  assert.equal(urlsOf(after, 'revisit').length, urlsOf(before, 'response').length - 1);
  assert.deepEqual(readFileSync(file), bytes);
});

test('a port belongs to the host, also in a link, an image and a redirect', async (t) => {
  const other = await serveBodies(t, {
    '/': 'x',
    '/a.png': 'x',
    '/target': '<a href="/further">x</a>',
    '/further': 'x',
  });
  const there = `http://127.0.0.1:${other.port}`;
  const port = await serve(t, (request, response) => {
    if (request.url === '/away') response.writeHead(302, { location: `${there}/target` }).end();
    else
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<a href="${there}/">x</a><img src="${there}/a.png"><a href="/away">x</a>`);
  });
  const { judgement } = await new AttemptBench(t).run([`http://127.0.0.1:${port}/`]);
  assert.equal(judgement.outcome, 'success');
  // wget asks robots.txt before it judges a link, and follows redirects wherever they lead; then it stops.
  assert.deepEqual(
    other.hits.filter((path) => path !== '/robots.txt'),
    ['/target'],
  );
});

test('one folder: requisites by their place in the page, whatever they are called; linked files outside are left alone', async (t) => {
  const { port, hits } = await serveBodies(t, {
    '/en/':
      '<img src="/dynamic?image=1"><a href="/other/photo.png">x</a><a href="/other/">x</a><a href="/en/a">x</a><a href="/en/a/b">x</a>',
    '/en/a': 'a page and a folder',
    '/en/a/b': 'of the same name',
    '/dynamic': 'image',
    '/other/': 'x',
    '/other/photo.png': 'x',
  });
  const { record } = await new AttemptBench(t).run([`http://127.0.0.1:${port}/en/`]);
  assert.deepEqual(hits.sort(), ['/dynamic', '/en/', '/en/a', '/en/a/b', '/robots.txt']);
  assert.equal(record.archived?.pages, 4);
  assert.equal(record.archived.pagesInScope, 3);
});

test('two hosts: each within its own paths, linked to each other', async (t) => {
  const two = await serveBodies(t, { '/b/': 'b', '/b/only-from-a': 'x', '/c/': 'x' });
  const host = `http://localhost:${two.port}`;
  const one = await serveBodies(t, {
    '/a/': `<a href="${host}/b/only-from-a">x</a><a href="${host}/c/">x</a>`,
  });
  const { judgement } = await new AttemptBench(t).run([`http://127.0.0.1:${one.port}/a/`, `${host}/b/`]);
  assert.equal(judgement.outcome, 'success');
  assert.deepEqual([...new Set(two.hits)].sort(), ['/b/', '/b/only-from-a', '/robots.txt']);
});

test('seeds in trees that are not linked are passes of their own, deduplicated against each other', async (t) => {
  const { port } = await serveBodies(t, {
    '/en/': '<img src="/logo.png">',
    '/fr/': '<img src="/logo.png">',
    '/logo.png': 'x',
  });
  const top = `http://127.0.0.1:${port}`;
  const bench = new AttemptBench(t);
  const { record } = await bench.run([`${top}/en/`, `${top}/fr/`]);
  assert.equal(record.archived?.pages, 3);
  assert.ok(bench.warcs().includes('7-001-2-00000.warc.gz'));
  const logo = (await bench.records(1)).filter(
    ([type, url]) => url.endsWith('logo.png') && type !== 'request',
  );
  assert.deepEqual(logo.map(([type]) => type).sort(), ['response', 'revisit']);
});

test('a seed that redirects to another host: a failure that names the address to add', async (t) => {
  const other = await serveBodies(t, { '/home': '<a href="/more">x</a>', '/more': 'x' });
  const target = `http://127.0.0.1:${other.port}/home`;
  const port = await serve(t, (_, response) => {
    response.writeHead(301, { location: target }).end();
  });
  const bench = new AttemptBench(t);
  for (const number of [1, 2]) {
    const { record, judgement } = await bench.run([`http://127.0.0.1:${port}/`]);
    assert.equal(judgement.outcome, 'crawl_failure', `attempt ${number}`);
    assert.deepEqual(record.seedRedirects, [{ seed: `http://127.0.0.1:${port}/`, location: target }]);
    assert.ok(judgement.because.includes(target), judgement.because);
  }
  assert.equal(other.hits.includes('/more'), false);
});

test("ends that are the source's fault", async (t) => {
  const gone = await serveBodies(t, {});
  const bench = new AttemptBench(t);
  const notFound = await bench.run([`http://127.0.0.1:${gone.port}/`]);
  assert.deepEqual(notFound.record.exit, { kind: 'exited', code: 8 });
  assert.equal(notFound.judgement.outcome, 'crawl_failure');
  const broken = await serve(t, (request) => request.socket.destroy());
  const reset = await bench.run([`http://127.0.0.1:${broken}/`]);
  assert.deepEqual(reset.record.exit, { kind: 'exited', code: 4 });
  assert.equal(reset.judgement.outcome, 'crawl_failure');
});
