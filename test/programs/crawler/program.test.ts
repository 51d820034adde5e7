/** The crawler as the program that it is: its spec, its report, its exit status, and what a kill leaves. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CrawlReport } from '../../../src/core/crawler/crawl-report.ts';
import type { CrawlSpec } from '../../../src/core/crawler/crawl-spec.ts';
import { scopeOf, scopePattern } from '../../../src/core/crawler/scope.ts';
import { OddSite } from './crawl-setup.ts';
import { readWarcs } from './strict-warc.ts';

const program = fileURLToPath(new URL('../../../src/programs/crawler/main.ts', import.meta.url));
const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0;
const count = 60;
const pages = Object.fromEntries(
  Array.from({ length: count }, (_, index) => [
    index === 0 ? '/' : `/${index}`,
    `<a href=/${index + 1}>${index}`,
  ]),
);

let folder: string;
let site: OddSite;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'crawler-program-'));
  for (const name of ['warcs', 'scratch']) mkdirSync(join(folder, name));
  site = await new OddSite(pages).start();
});
after(async () => {
  await site.stop();
  rmSync(folder, { recursive: true });
});

/** Ended by `signal` as soon as it has told of an answer, if one is given. */
async function attempt(
  name: string,
  signal?: NodeJS.Signals,
  frontierFile = join(folder, 'frontier.db'),
  before: readonly string[] = [],
): Promise<{ code: number | null; report: CrawlReport | null }> {
  const spec: CrawlSpec = {
    attempt: name,
    seeds: [site.url],
    scopePattern: scopePattern(scopeOf([site.url])),
    requisitesFromOtherHosts: true,
    waitSeconds: 0.01,
    userAgent: 'test',
    frontierFile,
    isBegunAnew: false,
    scratchDir: join(folder, 'scratch'),
    reportFile: join(folder, `${name}.json`),
    outagePatienceMs: 10_000,
    retryPausesMs: [20, 40, 80],
    answerSeconds: 60,
    answerBytes: 10_000_000,
  };
  const specFile = join(folder, 'spec.json');
  writeFileSync(specFile, JSON.stringify(spec));
  const [command, ...args] = [
    ...before,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    program,
    specFile,
  ];
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.once('data', () => {
    if (signal !== undefined) child.kill(signal);
  });
  child.stdout.resume();
  const [code] = (await once(child, 'exit')) as [number | null];
  let report: CrawlReport | null = null;
  try {
    report = JSON.parse(readFileSync(spec.reportFile, 'utf8')) as CrawlReport;
  } catch {
    // It was killed before its first one.
  }
  return { code, report };
}

test('killed, stopped, and at last complete: each attempt goes on where the one before was', async () => {
  assert.equal((await attempt('1-001', 'SIGKILL')).code, null);
  const stopped = await attempt('1-002', 'SIGTERM');
  assert.deepEqual([stopped.code, stopped.report?.end], [3, { kind: 'stopped' }]);
  const { code, report } = await attempt('1-003');
  assert.equal(code, 0);
  assert.deepEqual(report?.end, { kind: 'complete' });
  assert.deepEqual(
    [report.frontier, report.counts],
    ['continued', { queued: 0, archived: count + 1, failed: 0, barred: 0 }],
  );
  const seen = new Set(
    readWarcs(join(folder, 'warcs'))
      .filter(({ status }) => status === 200)
      .map(({ url }) => url),
  );
  for (const path of Object.keys(pages))
    assert.ok(seen.has(new URL(path, site.url).href), `${path} is missing`);
  const asked = site.hits.filter((hit) => hit !== '/robots.txt').length;
  // What was asked for in the second before a kill is asked for again.
  assert.ok(asked <= count + 1 + 2 * 5, `${asked} requests`);
});

test(
  'the local disk is full: it ends and says so, as the fault of nobody’s source',
  { skip: !canMount },
  async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    // A mount namespace of its own, with a disk of a few pages at the place of the frontier.
    const small = ['unshare', '-Urm', 'sh', '-c', 'mount -t tmpfs -o size=160k none "$0" && exec "$@"', disk];
    const { code, report } = await attempt('2-001', undefined, join(disk, 'frontier.db'), small);
    assert.equal(code, 74);
    assert.ok(report?.end?.kind === 'error' && report.end.errno === 'ENOSPC', JSON.stringify(report));
  },
);

test('a frontier that breaks on the way is set aside, and the next attempt begins anew', async () => {
  const file = join(folder, 'broken.db');
  assert.equal((await attempt('3-001', 'SIGKILL', file)).code, null);
  for (const part of ['-wal', '-shm']) rmSync(file + part, { force: true });
  const bytes = readFileSync(file);
  // Everything but the first pages, by which it is known as ours.
  bytes.fill(0x55, 8192);
  writeFileSync(file, bytes);
  const { report } = await attempt('3-002', undefined, file);
  const next = report?.end?.kind === 'complete' ? report : (await attempt('3-003', undefined, file)).report;
  assert.deepEqual([next?.end, next?.counts.archived], [{ kind: 'complete' }, count + 1]);
});

test('files of an attempt are never written over', async () => {
  site.hits.length = 0;
  rmSync(join(folder, 'frontier.db'));
  const { code, report } = await attempt('1-003');
  assert.equal(code, 74);
  assert.ok(report?.end?.kind === 'error' && report.end.errno === 'EEXIST', JSON.stringify(report));
});
