/**
 * What our crawler costs, beside wget on the same site, in turn: a whole crawl without any pause, and one with a pause of 50 ms; its
 * largest memory; and what a page costs the frontier when it holds a thousand addresses and when it holds a million.
 *
 *   node_modules/.bin/node bench/crawl.ts [PAGES [ROUNDS]]      10,000 pages and 3 rounds unless told otherwise; needs wget
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CrawlReport } from '../src/core/crawler/crawl-report.ts';
import type { CrawlSpec } from '../src/core/crawler/crawl-spec.ts';
import { scopeOf, scopePattern } from '../src/core/crawler/scope.ts';
import { Frontier } from '../src/programs/crawler/frontier.ts';
import { table } from './table.ts';

const [pages = 10_000, rounds = 3] = process.argv.slice(2).map(Number);
const slowPages = 200;
const slowWait = 0.05;
const crawler = fileURLToPath(new URL('../dist/crawler.js', import.meta.url));
const siteProgram = fileURLToPath(new URL('../lab/site.ts', import.meta.url));

async function site(count: number): Promise<{ url: string; end: () => void }> {
  const child = spawn(process.execPath, [siteProgram, '--pages', String(count), '--slow-ms', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  return { url, end: () => void child.kill() };
}

interface Run {
  readonly seconds: number;
  /** Largest resident memory, MiB. */
  readonly mebibytes: number;
}

async function run(argv: readonly string[], cwd: string): Promise<Run> {
  const began = performance.now();
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd, stdio: 'ignore' });
  let mebibytes = 0;
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'latin1');
      mebibytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      // It has ended.
    }
  }, 100);
  await once(child, 'exit');
  clearInterval(watch);
  return { seconds: (performance.now() - began) / 1000, mebibytes };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-crawl-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const byWget = async (url: string, waitSeconds: number): Promise<Run> =>
  await inFolder(async (folder) => {
    const wait = waitSeconds > 0 ? [`--wait=${waitSeconds}`] : [];
    const options = ['-nv', '-r', '-l', 'inf', '-p', '-nd', '--delete-after', '--warc-file=w', '--warc-cdx'];
    return await run(['wget', ...options, ...wait, url], folder);
  });

const byUs = async (url: string, waitSeconds: number): Promise<Run & { archived: number }> =>
  await inFolder(async (folder) => {
    for (const name of ['warcs', 'scratch']) mkdirSync(join(folder, name));
    const spec: CrawlSpec = {
      attempt: '1-001',
      seeds: [url],
      scopePattern: scopePattern(scopeOf([url])),
      requisitesFromOtherHosts: true,
      waitSeconds,
      userAgent: 'HealthArchive/bench',
      frontierFile: join(folder, 'frontier.sqlite'),
      isBegunAnew: false,
      scratchDir: join(folder, 'scratch'),
      reportFile: join(folder, 'report.json'),
      outagePatienceMs: 10_000,
      retryPausesMs: [1000],
      answerSeconds: 60,
      answerBytes: 1e9,
    };
    writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec));
    const argv = [process.execPath, '--disable-warning=ExperimentalWarning', crawler, 'spec.json'];
    const measured = await run(argv, folder);
    const report = JSON.parse(readFileSync(spec.reportFile, 'utf8')) as CrawlReport;
    if (report.end?.kind !== 'complete')
      throw new Error(`it did not come to its end: ${JSON.stringify(report)}`);
    return { ...measured, archived: report.counts.archived };
  });

async function compare(what: string, count: number, waitSeconds: number): Promise<void> {
  const server = await site(count);
  const wget: Run[] = [];
  const ours: (Run & { archived: number })[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      wget.push(await byWget(server.url, waitSeconds));
      ours.push(await byUs(server.url, waitSeconds));
    }
  } finally {
    server.end();
  }
  console.log(`\n${what}: ${ours[0]?.archived ?? 0} addresses`);
  const seconds = (runs: readonly Run[]): number[] => runs.map((one) => one.seconds);
  for (const line of table([
    { what: 'wget', seconds: seconds(wget) },
    { what: 'ours', seconds: seconds(ours) },
  ]))
    console.log(`  ${line}`);
  const most = (runs: readonly Run[]): string => Math.max(...runs.map((one) => one.mebibytes)).toFixed(0);
  console.log(`  largest memory: wget ${most(wget)} MiB, ours ${most(ours)} MiB`);
}

/** Seconds for a thousand pages with five new links each, in a frontier that holds `known` addresses already. */
function frontierSeconds(known: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'bench-frontier-'));
  const frontier = new Frontier(join(folder, 'frontier.sqlite'));
  const link = (number: number) =>
    ({
      url: `http://a.example/section-${number % 97}/page-${number}.html`,
      kind: 'page',
      barredBecause: null,
      isRedirect: false,
    }) as const;
  for (let first = 0; first < known; first += 10_000)
    frontier.add(Array.from({ length: Math.min(10_000, known - first) }, (_, index) => link(first + index)));
  const began = performance.now();
  for (let page = 0; page < 1000; page++) {
    const claimed = frontier.claim(0);
    if (claimed === null) throw new Error('it is empty');
    const links = Array.from({ length: 5 }, (_, index) => link(known + 5 * page + index));
    const end = {
      kind: 'answered',
      status: 200,
      links,
      file: 'a',
      payloadFile: 'a',
      leadsTo: null,
      remark: null,
    } as const;
    frontier.commit([{ id: claimed.id, end }], [], [{ name: 'a', length: page }]);
  }
  const seconds = (performance.now() - began) / 1000;
  frontier.close();
  rmSync(folder, { recursive: true });
  return seconds;
}

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`);
await compare('without a pause', pages, 0);
await compare(`a pause of ${slowWait} s`, slowPages, slowWait);
console.log('\n1000 pages with five new links each, by the number of addresses in the frontier');
const times = { thousand: [] as number[], million: [] as number[] };
for (let round = 0; round < rounds; round++) {
  times.thousand.push(frontierSeconds(1000));
  times.million.push(frontierSeconds(1_000_000));
}
for (const line of table([
  { what: 'a thousand', seconds: times.thousand },
  { what: 'a million', seconds: times.million },
]))
  console.log(`  ${line}`);
