import assert from 'node:assert/strict';
import { spawnSync, execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startSite, type Site } from '../../lab/site.ts';

const hasWget = spawnSync('wget', ['--version']).status === 0;

describe('the web site of the lab', () => {
  let site: Site;
  before(async () => {
    site = await startSite({ pages: 60, slowMs: 200 });
  });
  after(() => site.close());

  const get = (path: string): Promise<Response> => fetch(new URL(path, site.url), { redirect: 'manual' });

  test('answers every path of its own list as it says', async () => {
    for (const { url, kind } of site.paths) {
      const { status } = await fetch(url, { redirect: 'manual' });
      const expected = { page: 200, file: 200, gone: 404, redirect: status === 302 ? 302 : 301 }[kind];
      assert.equal(status, expected, url);
    }
  });

  test('serves the same bytes each time', async () => {
    const bodies = await Promise.all(
      [1, 2].map(async () => (await get('en/topic-01/page-0003.html')).text()),
    );
    assert.equal(bodies[0], bodies[1]);
    const other = await startSite({ pages: 60 });
    const again = await (await fetch(`${other.url}en/topic-01/page-0003.html`)).text();
    await other.close();
    assert.equal(bodies[0], again);
  });

  test('redirects to another host name on its own port', async () => {
    const { headers } = await get('en/partner.html');
    assert.equal(headers.get('location'), `http://localhost:${site.port}/partner/welcome.html`);
  });

  test('moves everything but robots.txt under its base path', async () => {
    const moved = await startSite({ pages: 2, basePath: '/hc' });
    assert.equal((await fetch(`${moved.url}en/`)).status, 200);
    const robots = await (await fetch(new URL('/robots.txt', moved.url))).text();
    await moved.close();
    assert.match(robots, /^Disallow: \/hc\/en\/internal\/$/m);
  });

  test('takes its delay for each page', async () => {
    const slow = await startSite({ pages: 2, delayMs: 150 });
    const begin = performance.now();
    await (await fetch(`${slow.url}en/`)).text();
    await slow.close();
    assert.ok(performance.now() - begin >= 145);
  });

  test('a crawl with wget finds all that robots may', { skip: !hasWget && 'wget is missing' }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lab-site-'));
    const begin = site.hits.length;
    const argv = [
      '--recursive',
      '--level=inf',
      '--page-requisites',
      '--no-verbose',
      '--tries=1',
      '--warc-file=crawl',
    ];
    // Exit status 8 is wget's word for "a server answered with an error": the 404 that is there on purpose.
    await assert.rejects(promisify(execFile)('wget', [...argv, site.url], { cwd: folder, timeout: 30_000 }), {
      code: 8,
    });
    const warc = await readFile(join(folder, 'crawl.warc.gz'));
    await rm(folder, { recursive: true });
    assert.ok(warc.length > 10_000);
    const seen = new Set(site.hits.slice(begin).map(({ path }) => path));
    const missed = site.paths.map(({ path }) => path).filter((path) => !seen.has(path));
    // wget follows a redirect to another host name, but goes no further there.
    assert.deepEqual(missed, ['/en/internal/report.html']);
  });
});
