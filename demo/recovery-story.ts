/** The story of the demo where a private host can run: storage breaks in the middle of three crawls, and nobody does anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { killSshfs } from '../lab/faults/sshfs.ts';
import { JOBS_ROOT } from '../lab/hot-path.ts';
import type { Host } from '../lab/host.ts';
import { WORKER_UNIT } from '../lab/installation.ts';
import { BASE } from '../lab/storage-box.ts';
import { viewOf } from './crawl-view.ts';
import { RECOVERY, SITE_PORT, startDemoHost, type DemoHost } from './lab-host.ts';
import type { Attempt, Job } from './product.ts';
import { progressDisplay } from './progress.ts';
import { contentOf, type Body, type BodySite } from './sites.ts';
import type { Stage } from './stage.ts';
import { commandLine, cut, formatCount, formatSeconds, marks } from './text.ts';
import { Timeline, type TimelineEvent } from './timeline.ts';
import { judgeCrawl, verdictTable, type Verdict } from './verdict.ts';
import { sitePaths } from '../lab/site.ts';

const year = new Date().getUTCFullYear();
const hit: Body = { code: 'hc', name: 'Health Canada', address: '127.0.0.1', pages: 160 };
const ownMount: Body = { code: 'phac', name: 'Public Health Agency', address: '127.0.0.2', pages: 300 };
const local: Body = { code: 'cihr', name: 'Health Research', address: '127.0.0.3', pages: 260 };
const bodies: readonly Body[] = [hit, ownMount, local];
const PAGE_DELAY_MS = 100;
/** Of the first crawl's pages: so far it is when its storage dies. */
const KILLED_AT = 0.4;
const CRAWL_LIMIT_MS = 100_000;
const LOOK_MS = 400;

type Site = Body & Pick<BodySite, 'expected' | 'forbidden'>;

/** Plays it; true when all of it came as it should. */
export async function recoverFromDeadStorage(stage: Stage): Promise<boolean> {
  const begin = performance.now();
  stage.say(
    styleText('bold', 'HealthArchive: storage dies in the middle of a campaign, and nobody is there'),
  );
  stage.heading('A private host boots, with real systemd, and a storage box with a real sshd');
  const demo = await startDemoHost(stage, bodies, PAGE_DELAY_MS, `${ownMount.code}/${ownMount.code}-${year}`);
  const sites = bodies.map((body): Site => {
    const paths = sitePaths({ pages: body.pages, address: body.address, port: SITE_PORT });
    return { ...body, ...contentOf({ url: seedOf(body), port: SITE_PORT, paths }) };
  });
  for (const line of places()) stage.say(`  ${line}`);
  await setUp(stage, demo.host);
  const told = await crawlAndBreak(stage, demo, sites);
  const verdicts = await readArchiveBack(stage, demo, sites);
  return close(stage, verdicts, told, (performance.now() - begin) / 1000);
}

const seedOf = ({ address }: Body): string => `http://${address}:${SITE_PORT}/`;

function places(): string[] {
  const place = (path: string, what: string): string => `${path.padEnd(40)} ${what}`;
  return [
    place(BASE, 'the storage box, by sshfs'),
    place(`${JOBS_ROOT}/${hit.code}/${hit.code}-${year}`, 'hc: bound from the storage box'),
    place(`${JOBS_ROOT}/${ownMount.code}/${ownMount.code}-${year}`, 'phac: an sshfs of its own'),
    place(`${JOBS_ROOT}/${local.code}-local`, 'cihr: on the local disk'),
  ];
}

async function setUp(stage: Stage, host: Host): Promise<void> {
  stage.heading('An annual campaign, and one crawl beside it; recovery is switched on');
  const shown = async (words: readonly string[], user?: string): Promise<void> => {
    stage.say(`  ${styleText('dim', user === undefined ? '#' : '$')} ${commandLine(words)}`);
    await stage.orInterrupted(host.runOk(words, user === undefined ? {} : { user }));
  };
  const product = async (...words: readonly string[]): Promise<void> => {
    await shown(['healtharchive', ...words], 'healtharchive');
  };
  const addSource = async (body: Body): Promise<void> => {
    await product(
      'sources',
      'add',
      '--code',
      body.code,
      '--name',
      body.name,
      '--seed',
      seedOf(body),
      '--wait-seconds',
      '0',
    );
  };
  await addSource(hit);
  await addSource(ownMount);
  await product('campaign', 'schedule', '--year', String(year), '--apply');
  await addSource(local);
  const directory = `${local.code}-local`;
  await product('jobs', 'add', '--source', local.code, '--name', directory, '--output-dir', directory);
  await shown(['healtharchive', 'storage', 'tier', '--year', String(year), '--apply']);
  await shown(['touch', '/etc/healtharchive/storage-hotpath-auto-recover-enabled']);
  await shown(['systemctl', 'enable', '--now', `${RECOVERY}.timer`]);
  await host.runOk(['systemctl', 'enable', '--now', '--quiet', `${RECOVERY}.path`]);
  await shown(['systemctl', 'start', WORKER_UNIT]);
}

/** What came of it, as the timeline has it. */
interface Told {
  readonly recoverySeconds: number | null;
  readonly incidents: number;
  readonly isWorkerTheSame: boolean;
  readonly jobs: readonly Job[];
}

async function crawlAndBreak(stage: Stage, { host }: DemoHost, sites: readonly Site[]): Promise<Told> {
  stage.heading('The worker crawls; then the sshfs of the storage box is killed');
  stage.say();
  const display = progressDisplay(process.stdout);
  const invocation = await host.unitProperty(WORKER_UNIT, 'InvocationID');
  let killedAtMs: number | null = null;
  const tell = ({ atMs, what }: TimelineEvent): void => {
    const seconds = killedAtMs === null ? '' : `+${((atMs - killedAtMs) / 1000).toFixed(1)} s`;
    // At most 80 columns, wherever it is shown.
    const text = cut(what, 68);
    display.tell(
      `  ${styleText('cyan', seconds.padStart(7))}  ${what.startsWith('kill') ? styleText('red', text) : text}`,
    );
  };
  let jobs = await jobsOf(host);
  const watch = ['healtharchive', 'jobs', 'watch', '--json', '--interval', '0.5'];
  const watched = host.start(watch, { user: 'healtharchive', holdInput: true });
  const names = new Map(jobs.map(({ id, source }) => [String(id), source]));
  const timeline = new Timeline(host, names, tell);
  const limitMs = performance.now() + CRAWL_LIMIT_MS;
  try {
    while (performance.now() < limitMs && jobs.some(({ status }) => status !== 'completed')) {
      jobs = newestOf(watched.stdout()) ?? jobs;
      timeline.advance();
      display.show(sites.map((site) => viewOf(site, jobs)));
      const first = jobs.find(({ source }) => source === hit.code);
      if (
        killedAtMs === null &&
        (first?.progress?.pages ?? 0) >= KILLED_AT * (sites[0]?.expected.length ?? 0)
      ) {
        killedAtMs = Date.now();
        tell({ atMs: killedAtMs, what: 'kill -9   the sshfs of the storage box' });
        await killSshfs(host, BASE);
      }
      await stage.orInterrupted(sleep(LOOK_MS));
    }
    timeline.advance();
  } finally {
    display.end();
  }
  const resumedAtMs = timeline.momentOf(`${hit.code} is crawled again`);
  return {
    recoverySeconds: killedAtMs === null || resumedAtMs === null ? null : (resumedAtMs - killedAtMs) / 1000,
    incidents: timeline.count('incident opened'),
    isWorkerTheSame: invocation === (await host.unitProperty(WORKER_UNIT, 'InvocationID')),
    jobs,
  };
}

/** Of what `jobs watch --json` has written so far: the last line that is complete. */
function newestOf(text: string): Job[] | null {
  const line = text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1) ?? '';
  return line === '' ? null : (JSON.parse(line) as { jobs: Job[] }).jobs;
}

async function jobsOf(host: Host): Promise<Job[]> {
  const text = await host.runOk(['healtharchive', 'jobs', 'list', '--json'], { user: 'healtharchive' });
  return (JSON.parse(text) as { jobs: Job[] }).jobs;
}

interface Judged extends Verdict {
  readonly attempts: number;
  readonly retries: number;
}

/** On the server's own disk, and the host's: what is read is what arrived there. */
async function readArchiveBack(
  stage: Stage,
  { host, box }: DemoHost,
  sites: readonly Site[],
): Promise<Judged[]> {
  stage.heading('Every WARC file read back where it arrived, by another library');
  stage.say();
  const served = '/home/storage/files';
  const places: Readonly<Record<string, string>> = {
    [hit.code]: box.server.fromOutside(`${served}/jobs/${hit.code}/${hit.code}-${year}/warcs`),
    [ownMount.code]: box.server.fromOutside(
      `${served}/direct/${ownMount.code}/${ownMount.code}-${year}/warcs`,
    ),
    [local.code]: host.fromOutside(`${JOBS_ROOT}/${local.code}-local/warcs`),
  };
  const verdicts: Judged[] = [];
  for (const site of sites) {
    const job = (await jobsOf(host)).find(({ source }) => source === site.code);
    if (job === undefined) throw new Error(`there is no job for ${site.code}`);
    const text = await host.runOk(['healtharchive', 'jobs', 'show', String(job.id), '--json'], {
      user: 'healtharchive',
    });
    const { attempt_list: attempts, retry_count: retries } = JSON.parse(text) as {
      attempt_list: Attempt[];
      retry_count: number;
    };
    const verdict = await stage.orInterrupted(judgeCrawl(job, attempts, site, places[site.code]));
    verdicts.push({ ...verdict, attempts: attempts.length, retries });
  }
  for (const line of verdictTable(verdicts)) stage.say(`  ${line}`);
  stage.say();
  return verdicts;
}

function close(stage: Stage, verdicts: readonly Judged[], told: Told, seconds: number): boolean {
  const faults = verdicts.flatMap(({ source, faults }) => faults.map((fault) => `${source}: ${fault}`));
  const { recoverySeconds, incidents, isWorkerTheSame } = told;
  for (const { source, attempts, retries } of verdicts) {
    const expected = source === hit.code ? 2 : 1;
    if (attempts !== expected) faults.push(`${source} took ${attempts} attempts, not ${expected}`);
    if (retries !== 0) faults.push(`${source} used ${retries} retries`);
  }
  if (recoverySeconds === null) faults.push('the crawl on the dead storage was not started again');
  if (incidents !== 1) faults.push(`${incidents} incidents were opened`);
  if (!isWorkerTheSame) faults.push('the worker was restarted');
  const pages = formatCount(verdicts.reduce((sum, { archivedPages }) => sum + archivedPages, 0));
  if (faults.length > 0) {
    stage.say(
      `${styleText('red', `${marks.failed} Not as it should be`)}: ${pages} pages and files were archived.`,
    );
    for (const fault of faults.slice(0, 10)) stage.say(`  ${cut(fault, 76)}`);
    return false;
  }
  const when = `${marks.done} Crawled again ${formatSeconds(recoverySeconds ?? 0)} after the kill, without a person`;
  stage.say(styleText('green', when));
  stage.say(
    `  One incident; the other two crawls untouched; the worker never stopped; no\n  retry used. All ${pages} pages and files are archived, and every digest holds.`,
  );
  stage.say(`  All of it took ${formatSeconds(seconds)}.`);
  return true;
}
