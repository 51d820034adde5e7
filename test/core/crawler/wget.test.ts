import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wgetPasses } from '../../../src/core/crawler/wget.ts';

const job = {
  seeds: ['https://a.example/en/'],
  waitSeconds: 1.5,
  attempt: '12-003',
  scratchDir: '/state/attempts/12-003/scratch',
  dedupCdxFile: '/state/attempts/12-003/scratch/earlier.cdx',
};

test('the whole command of a job with one seed', () => {
  assert.deepEqual(wgetPasses(job), [
    {
      skipIfArchived: null,
      argv: [
        'wget',
        '--no-config',
        '--no-verbose',
        '--no-hsts',
        '--recursive',
        '--level=inf',
        '--page-requisites',
        '--no-parent',
        '--accept-regex=^https?://a\\.example/',
        '--no-directories',
        '--delete-after',
        '--directory-prefix=/state/attempts/12-003/scratch',
        '--warc-file=warcs/12-003',
        '--warc-cdx',
        '--warc-max-size=1G',
        '--warc-dedup=/state/attempts/12-003/scratch/earlier.cdx',
        '--warc-header=operator: HealthArchive',
        '--warc-header=isPartOf: 12-003',
        '--user-agent=Mozilla/5.0 (compatible; HealthArchive/0.1; web archive of public health bodies)',
        '--timeout=60',
        '--tries=3',
        '--waitretry=10',
        '--retry-connrefused',
        '--retry-on-http-error=429,503',
        '--wait=1.5',
        '--',
        'https://a.example/en/',
      ],
    },
  ]);
});

/** The value of --NAME=VALUE in the first pass; null: the option is not there. */
function option(seeds: readonly string[], name: string, pass = 0): string | null {
  const argument = wgetPasses({ ...job, seeds })[pass]?.argv.find(
    (text) => text === `--${name}` || text.startsWith(`--${name}=`),
  );
  return argument?.slice(name.length + 3) ?? null;
}

test('two folders of one host: by path, and what pages are made of by its type', () => {
  const seeds = ['https://a.example/en/', 'https://a.example/fr/'];
  assert.equal(option(seeds, 'no-parent'), null);
  assert.equal(option(seeds, 'span-hosts'), null);
  const accept = new RegExp(option(seeds, 'accept-regex') ?? '');
  for (const url of ['en/x', 'fr/x', 'assets/a.png', 'assets/A.PNG?v=2', 'a.b/c.css']) {
    assert.match(`https://a.example/${url}`, accept);
  }
  for (const url of ['de/x', 'other/report.pdf', 'other/page.html', 'other?next=/x.png', '']) {
    assert.doesNotMatch(`https://a.example/${url}`, accept);
  }
});

test('several hosts are spanned, and only these', () => {
  const seeds = ['https://a.example/en/', 'http://b.example:8080/'];
  assert.equal(option(seeds, 'span-hosts'), '');
  assert.equal(option(seeds, 'no-parent'), '');
  const accept = new RegExp(option(seeds, 'accept-regex') ?? '');
  assert.match('http://b.example:8080/x', accept);
  assert.doesNotMatch('http://b.example/x', accept);
  assert.doesNotMatch('https://c.example/x.png', accept);
});

test('--no-parent only where it means the same as the scope', () => {
  assert.equal(option(['https://a.example/en/health'], 'no-parent'), null);
  assert.equal(option(['https://a.example/', 'https://a.example/en/'], 'no-parent'), '');
  assert.equal(option(['https://a.example/', 'https://a.example/en/'], 'no-parent', 1), null);
});

test('each seed is a pass with files of its own; later ones are left out if archived already', () => {
  const seeds = ['https://a.example/en/', 'https://a.example/fr/'];
  const passes = wgetPasses({ ...job, seeds });
  assert.deepEqual(
    passes.map((pass) => [pass.skipIfArchived, pass.argv.find((text) => text.startsWith('--warc-file='))]),
    [
      [null, '--warc-file=warcs/12-003'],
      ['https://a.example/fr/', '--warc-file=warcs/12-003-2'],
    ],
  );
});

test('no wait and no deduplication when none is wanted', () => {
  const [pass] = wgetPasses({ ...job, waitSeconds: 0, dedupCdxFile: null });
  assert.ok(pass?.argv.every((text) => !text.startsWith('--wait=') && !text.startsWith('--warc-dedup=')));
});

test('a seed can not become an option', () => {
  const [pass] = wgetPasses({ ...job, seeds: ['https://a.example/--output-document=x'] });
  assert.equal(pass?.argv.at(-2), '--');
});
