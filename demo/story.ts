/** The story of this demo: three public bodies, one annual campaign, every page archived. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { viewOf } from './crawl-view.ts';
import { progressDisplay } from './progress.ts';
import { Product } from './product.ts';
import { PAGE_DELAY_MS, startSites, type BodySite } from './sites.ts';
import type { Stage } from './stage.ts';
import { commandLine, formatCount, formatSeconds, marks } from './text.ts';
import { judgeCrawl, verdictTable, type Verdict } from './verdict.ts';

const WATCH_INTERVAL_SECONDS = 0.5;
const REDRAW_INTERVAL_MS = 200;
const SHOWN_FAULTS = 10;
const SHOWN_LOG_LINES = 15;

/** Plays it; true when every page was archived and every record holds. */
export async function crawlThreeSites(stage: Stage): Promise<boolean> {
  const begin = performance.now();
  const sites = await startSites();
  stage.onClear(async () => {
    await Promise.all(sites.map(({ site }) => site.close()));
  });
  const folder = await stage.makeFolder();
  const product = new Product(join(folder, 'config.toml'));
  stage.onClear(() => product.end());

  introduce(stage, sites);
  await setUp(stage, product, folder, sites);
  const workerStatus = await crawl(stage, product, folder, sites);
  const verdicts = await readArchiveBack(stage, product, sites);
  return await close(stage, { verdicts, workerStatus, folder, seconds: (performance.now() - begin) / 1000 });
}

function introduce(stage: Stage, sites: readonly BodySite[]): void {
  stage.say(
    styleText('bold', 'HealthArchive: three web sites, one annual campaign, every page in WARC files'),
  );
  stage.heading('Three sites are served on this machine');
  for (const { code, name, site } of sites) {
    stage.say(
      `  ${code.padEnd(5)} ${site.url.padEnd(24)} ${String(site.paths.length).padStart(4)} URLs  ${name}`,
    );
  }
  stage.say(
    styleText(
      'dim',
      `  A page takes ${PAGE_DELAY_MS} ms to answer, one of each site much longer; there are\n` +
        '  redirects, a missing page, images, and a robots.txt to be respected.',
    ),
  );
}

async function setUp(
  stage: Stage,
  product: Product,
  folder: string,
  sites: readonly BodySite[],
): Promise<void> {
  stage.heading('A fresh archive in a folder of its own: no root, no services, an SQLite database');
  await command(stage, product, 'init', '--dir', folder);
  await crawlAtOnce(join(folder, 'config.toml'), sites.length);
  for (const { code, name, site } of sites) {
    await command(
      stage,
      product,
      'sources',
      'add',
      '--code',
      code,
      '--name',
      name,
      '--seed',
      site.url,
      '--wait-seconds',
      '0',
    );
  }
  const year = String(new Date().getUTCFullYear());
  await command(stage, product, 'campaign', 'schedule', '--year', year, '--apply');
}

/** Shows a command as one would type it, and runs it. */
async function command(stage: Stage, product: Product, ...words: readonly string[]): Promise<void> {
  stage.say(`  ${styleText('dim', '$')} ${commandLine(['healtharchive', ...words])}`);
  await stage.orInterrupted(product.run(...words));
}

/** One after the other is the default, and kinder to a small server; here all three are to be seen at once. */
async function crawlAtOnce(configFile: string, concurrency: number): Promise<void> {
  const text = await readFile(configFile, 'utf8');
  await writeFile(configFile, text.replace('[worker]\n', `[worker]\nconcurrency = ${concurrency}\n`));
}

async function crawl(
  stage: Stage,
  product: Product,
  folder: string,
  sites: readonly BodySite[],
): Promise<number | null> {
  stage.heading('The worker crawls them');
  stage.say(`  ${styleText('dim', '$')} healtharchive worker run --drain`);
  stage.say();
  const display = progressDisplay(process.stdout);
  let jobs = await stage.orInterrupted(product.jobs());
  const draw = (): void => {
    display.show(sites.map((site) => viewOf(site, jobs)));
  };
  const over = new AbortController();
  const watching = (async () => {
    for await (const seen of product.watch(WATCH_INTERVAL_SECONDS)) {
      if (over.signal.aborted) return;
      jobs = seen;
    }
  })();
  const drawing = (async () => {
    while (!over.signal.aborted) {
      draw();
      await sleep(REDRAW_INTERVAL_MS);
    }
  })();
  try {
    const status = await stage.orInterrupted(product.runWorker(workerLog(folder), '--drain'));
    over.abort();
    await drawing;
    jobs = await stage.orInterrupted(product.jobs());
    draw();
    return status;
  } finally {
    over.abort();
    display.end();
    // Watching ends at its next look, or with the product; nothing depends on it any more.
    watching.catch(() => undefined);
  }
}

const workerLog = (folder: string): string => join(folder, 'worker.log');

async function readArchiveBack(
  stage: Stage,
  product: Product,
  sites: readonly BodySite[],
): Promise<Verdict[]> {
  stage.heading('Every WARC file read back, record by record, by another library');
  stage.say();
  const verdicts: Verdict[] = [];
  const jobs = await stage.orInterrupted(product.jobs());
  for (const site of sites) {
    const job = jobs.find(({ source }) => source === site.code);
    if (job === undefined) throw new Error(`the campaign has no job for ${site.code}`);
    const attempts = await stage.orInterrupted(product.attempts(job.id));
    verdicts.push(await stage.orInterrupted(judgeCrawl(job, attempts, site)));
  }
  for (const line of verdictTable(verdicts)) stage.say(`  ${line}`);
  stage.say();
  return verdicts;
}

interface Ending {
  readonly verdicts: readonly Verdict[];
  readonly workerStatus: number | null;
  readonly folder: string;
  readonly seconds: number;
}

async function close(stage: Stage, { verdicts, workerStatus, folder, seconds }: Ending): Promise<boolean> {
  const faults = verdicts.flatMap(({ source, faults }) => faults.map((fault) => `${source}: ${fault}`));
  if (workerStatus !== 0) faults.unshift(`the worker ended with status ${String(workerStatus)}`);
  const sum = (count: (verdict: Verdict) => number): string =>
    formatCount(verdicts.reduce((total, verdict) => total + count(verdict), 0));
  const pages = `${sum((one) => one.archivedPages)} of ${sum((one) => one.expectedPages)}`;
  if (faults.length === 0) {
    stage.say(
      `${styleText('green', `${marks.done} Every page archived`)}: ${pages} pages and files of ${verdicts.length} sites\n` +
        `  in ${sum((one) => one.archive.files)} WARC files, nothing that robots.txt forbids; all ` +
        `${sum((one) => one.archive.digests)} digests\n  of ${sum((one) => one.archive.records)} records hold. It took ${formatSeconds(seconds)}.`,
    );
  } else {
    stage.say(
      `${styleText('red', `${marks.failed} Not as it should be`)}: ${pages} pages and files were archived.`,
    );
    for (const fault of faults.slice(0, SHOWN_FAULTS)) stage.say(`  ${fault}`);
    if (faults.length > SHOWN_FAULTS) stage.say(`  and ${faults.length - SHOWN_FAULTS} more`);
    const log = (await readFile(workerLog(folder), 'utf8')).trimEnd().split('\n');
    stage.say("\nThe end of the worker's log:");
    for (const line of log.slice(-SHOWN_LOG_LINES)) stage.say(`  ${line}`);
  }
  if (stage.keep) {
    stage.say(`\nKept for a closer look in ${folder}:`);
    stage.say(`  export HEALTHARCHIVE_CONFIG=${join(folder, 'config.toml')}`);
    stage.say('  bin/healtharchive jobs list');
    stage.say('  bin/healtharchive jobs show 1');
  }
  return faults.length === 0;
}
