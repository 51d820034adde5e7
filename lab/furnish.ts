/** What `script/lab` puts into a fresh host, so that there is something to break: hot paths, three jobs, the worker. */
import { bindHotPath, COLD_ROOT, JOBS_ROOT, sshfsHotPath } from './hot-path.ts';
import type { Host } from './host.ts';
import { install, WORKER_UNIT } from './installation.ts';
import type { StorageBox } from './storage-box.ts';
import { waitFor } from './wait-for.ts';

/** The hot path with a mount of its own. */
export const OWN_MOUNT = `${JOBS_ROOT}/phac-2026`;

const MANIFEST = '/etc/healtharchive/warc-tiering.binds';
const NODE = '/opt/healtharchive/node_modules/.bin/node';
const SITE_PORT = 8001;
/** A crawl takes about half of the pages times the delay: five minutes to break things in, and to watch. */
const SITE = { pages: 600, delayMs: 1000 };
const START_TIMEOUT_MS = 30_000;

interface FurnishedJob {
  readonly source: string;
  readonly name: string;
  readonly seed: string;
  /** Its directory below the jobs root. */
  readonly directory: string;
  readonly what: string;
}

/** Returns lines that tell a person what is there. */
export async function furnish(box: StorageBox): Promise<string[]> {
  const { host } = box;
  const [bound, direct] = await Promise.all([bindHotPath(host, 'hc-2026'), sshfsHotPath(box, 'phac-2026')]);
  await host.writeFile(MANIFEST, `${COLD_ROOT}/hc-2026 ${bound}\n`);
  const jobs: FurnishedJob[] = [
    {
      source: 'hc',
      name: 'Health Canada',
      seed: `http://127.0.0.1:${SITE_PORT}/en/`,
      directory: 'hc-2026',
      what: 'a bind of its cold path in the box',
    },
    {
      source: 'phac',
      name: 'Public Health Agency of Canada',
      seed: `http://127.0.0.1:${SITE_PORT}/fr/`,
      directory: 'phac-2026',
      what: `an sshfs mount of its own (${direct.unit})`,
    },
    {
      source: 'cihr',
      name: 'Canadian Institutes of Health Research',
      seed: `http://127.0.0.2:${SITE_PORT}/en/`,
      directory: 'cihr-2026',
      what: 'on the local disk, which nothing of this breaks',
    },
  ];
  await furnishJobs(
    host,
    jobs,
    `# As in production, but quicker: three crawls at once, and a job that storage failed is tried again after half a minute.
[worker]
concurrency = 3
poll_seconds = 1
infra_error_cooldown_seconds = 30
min_free_percent = 1

[[hot_mounts]]
path = "${direct.path}"
unit = "${direct.unit}"
`,
  );
  const line = (path: string, what: string): string => `${path.padEnd(34)} ${what}`;
  return [
    line(box.base, `the storage box (${box.unit})`),
    ...jobs.map(({ source, directory, what }) =>
      line(`${JOBS_ROOT}/${directory}`, `job of ${source}: ${what}`),
    ),
  ];
}

/** Three sources with a job each, on web sites on the host's own loopback, and the worker's service crawling them. */
async function furnishJobs(host: Host, jobs: readonly FurnishedJob[], configuration: string): Promise<void> {
  const [installation] = await Promise.all([
    install(host, configuration),
    startSite(host, '127.0.0.1'),
    startSite(host, '127.0.0.2'),
  ]);
  for (const { source, name, seed, directory } of jobs) {
    await installation.json(
      'sources',
      'add',
      '--code',
      source,
      '--name',
      name,
      '--seed',
      seed,
      '--wait-seconds',
      '0',
    );
    await installation.json(
      'jobs',
      'add',
      '--source',
      source,
      '--name',
      directory,
      '--output-dir',
      directory,
    );
  }
  await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: START_TIMEOUT_MS });
}

async function startSite(host: Host, address: string): Promise<void> {
  const { pages, delayMs } = SITE;
  const options = ['--address', address, '--port', SITE_PORT, '--pages', pages, '--delay-ms', delayMs];
  const site = host.start([NODE, '/opt/healtharchive/lab/site.ts', ...options.map(String)]);
  await waitFor(`the web site on ${address}`, () => site.stdout().includes('"url"'), START_TIMEOUT_MS);
}
