/** Real crawls of a real site through the launcher: what is archived, what is left alone, and how it is judged. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startSite } from '../../lab/site.ts';
import { AttemptBench } from './attempt-bench.ts';

const hasWget = spawnSync('wget', ['--version']).status === 0;

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
  assert.deepEqual([judgement.outcome, record.exit], ['success', { kind: 'exited', code: 0 }]);
  assert.deepEqual([record.crawl?.errorPages, record.crawl?.counts.failed], [1, 0]);

  const archived = new Set(
    (await bench.records(1)).filter(([type]) => type !== 'request').map(([, url]) => url),
  );
  for (const { url, path, kind } of site.paths) {
    if (path === '/' || path === '/robots.txt') continue;
    // The target of the redirect to another host name is kept as part of the page that leads there.
    const isWanted = !path.includes('/internal/') && !path.includes('/partner/');
    assert.equal(archived.has(url), isWanted, `${kind} ${path}`);
  }
  assert.deepEqual(bench.warcs(), ['7-001-00000.warc.gz', '7-001.cdxj']);
  assert.equal(
    site.hits.some(({ path }) => path.includes('/internal/')),
    false,
  );
  const keys = readFileSync(join(bench.outputDir, 'warcs', '7-001.cdxj'), 'latin1')
    .trimEnd()
    .split('\n');
  assert.deepEqual(keys, [...keys].sort(), 'sorted by its bytes');
});

test('all that wget archives of the site is archived', { skip: !hasWget && 'wget is missing' }, async (t) => {
  const site = await startSite({ pages: 60, slowMs: 100 });
  t.after(() => site.close());
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-wget-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const options = ['-q', '-r', '-l', 'inf', '-p', '-nd', '--delete-after', '--warc-file=w', '--warc-cdx'];
  // 8: a server answered with an error, which is the 404 that is there on purpose.
  await assert.rejects(
    promisify(execFile)('wget', [...options, site.url], { cwd: folder, timeout: 30_000 }),
    {
      code: 8,
    },
  );
  const cdx = readFileSync(join(folder, 'w.cdx'), 'utf8').split('\n').slice(1);
  const byWget = cdx.flatMap((line) => line.split(' ')[0] ?? []).filter((url) => url !== '');
  assert.ok(byWget.length > 80, `${byWget.length} URLs`);

  const bench = new AttemptBench(t);
  await bench.run([site.url]);
  const ours = new Set((await bench.records(1)).map(([, url]) => url));
  assert.deepEqual(
    byWget.filter((url) => !ours.has(url)),
    [],
  );
});

test('a port belongs to the host, also in a link and a redirect; pictures come from anywhere', async (t) => {
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
  assert.deepEqual(other.hits.toSorted(), ['/a.png', '/robots.txt', '/target']);
});

test('one folder: what its pages are made of, whatever it is called; linked files outside are left alone', async (t) => {
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
  assert.deepEqual([record.crawl?.pages, record.crawl?.summary?.pagesInScope], [4, 3]);
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

test('a seed that moved away: a failure that names the address to add, though the others gave all', async (t) => {
  const other = await serveBodies(t, { '/home': '<a href="/more">x</a>', '/more': 'x' });
  const target = `http://127.0.0.1:${other.port}/home`;
  const port = await serve(t, (request, response) => {
    if (request.url === '/old') response.writeHead(301, { location: target }).end();
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<a href="/page">x</a>');
  });
  const bench = new AttemptBench(t);
  for (const number of [1, 2]) {
    const { judgement } = await bench.run([`http://127.0.0.1:${port}/en/`, `http://127.0.0.1:${port}/old`]);
    assert.equal(judgement.outcome, 'crawl_failure', `attempt ${number}`);
    assert.ok(judgement.because.includes(target), judgement.because);
  }
  assert.equal(other.hits.includes('/more'), false);
});

test("ends that are the source's fault, and one that is nobody's", async (t) => {
  const gone = await serveBodies(t, {});
  const notFound = await new AttemptBench(t).run([`http://127.0.0.1:${gone.port}/`]);
  assert.equal(notFound.judgement.outcome, 'crawl_failure');
  assert.match(notFound.judgement.because, /answered with errors \(\S+: 404\)/);
  const barring = await serveBodies(t, { '/robots.txt': 'User-agent: *\nDisallow: /' });
  const barred = await new AttemptBench(t).run([`http://127.0.0.1:${barring.port}/`]);
  assert.match(barred.judgement.because, /barred \(robots\.txt\)/);
  const broken = await serve(t, (request) => request.socket.destroy());
  const away = await new AttemptBench(t).run([`http://127.0.0.1:${broken}/`]);
  assert.deepEqual(
    [away.record.exit, away.judgement.outcome],
    [{ kind: 'exited', code: 4 }, 'source_unreachable'],
  );
});
