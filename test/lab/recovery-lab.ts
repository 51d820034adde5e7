/** A host for recovery: two binds and a mount of its own, a crawl on each and one on the local disk, and the worker's service. */
import assert from 'node:assert/strict';
import { bindHotPath, COLD_ROOT, JOBS_ROOT, sshfsHotPath } from '../../lab/hot-path.ts';
import type { Host } from '../../lab/host.ts';
import { install, WORKER_UNIT, type Installation } from '../../lab/installation.ts';
import { addJob, addSite, storedJob, storedJobs, type StoredJob } from '../../lab/jobs.ts';
import { BASE, type StorageBox, type StorageBoxOptions } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { recover, type Recovered } from './recover.ts';
import { MANIFEST } from './storage-lab.ts';
import { withLab } from './with-lab.ts';

export const SENTINEL = '/etc/healtharchive/storage-hotpath-auto-recover-enabled';

export type JobName = 'hc' | 'cihr' | 'own' | 'local';

export const allJobs: readonly JobName[] = ['hc', 'cihr', 'own', 'local'];

/** Whose journals tell why a crawl does not go on. */
const whatBringsBack = [
  WORKER_UNIT,
  'healtharchive-storage-hotpath-auto-recover.service',
  'healtharchive-worker-auto-start.service',
];

export class RecoveryLab {
  readonly host: Host;
  readonly box: StorageBox;
  readonly own: { readonly path: string; readonly unit: string };
  readonly #installation: Installation;
  readonly #ids = new Map<JobName, number>();

  constructor(
    lab: { host: Host; box: StorageBox },
    own: { path: string; unit: string },
    installation: Installation,
  ) {
    this.host = lab.host;
    this.box = lab.box;
    this.own = own;
    this.#installation = installation;
  }

  path(name: JobName): string {
    return name === 'own' ? this.own.path : `${JOBS_ROOT}/${name}`;
  }

  /** The job on the mount of its own writes below it, the others at the place itself. */
  outputDir(name: JobName): string {
    return name === 'own' ? `${this.own.path}/crawl` : this.path(name);
  }

  async addJob(name: JobName): Promise<void> {
    this.#ids.set(name, await addJob(this.#installation, name, this.outputDir(name)));
  }

  async job(name: JobName): Promise<StoredJob> {
    return await storedJob(this.host, this.#ids.get(name) ?? 0);
  }

  async attempts(): Promise<Record<JobName, number>> {
    const jobs = await storedJobs(this.host);
    const attemptsOf = (name: JobName): number =>
      jobs.find(({ id }) => id === this.#ids.get(name))?.attempts ?? 0;
    return Object.fromEntries(allJobs.map((name) => [name, attemptsOf(name)])) as Record<JobName, number>;
  }

  /** The process group of launcher and crawler, as kill(1) takes it: the launcher says which. */
  async crawlGroup({ id, attempts }: StoredJob): Promise<string> {
    const attempt = `${id}-${String(attempts).padStart(3, '0')}`;
    const text = await this.host.readFile(`/srv/healtharchive/ops/attempts/${attempt}/process.json`);
    return `-${(JSON.parse(text) as { pid: number }).pid}`;
  }

  /** Until the job runs, in a later attempt than this one, and has archived something. */
  async untilCrawling(name: JobName, after = 0): Promise<StoredJob> {
    const isCrawling = async (): Promise<StoredJob> => {
      const job = await this.job(name);
      if (job.status === 'running' && job.attempts > after && (await this.warcs(name, job.attempts)) > 0)
        return job;
      throw new Error(JSON.stringify(job));
    };
    try {
      return await waitFor(`${name} to be crawled`, isCrawling, 30_000);
    } catch (error) {
      const journals = await Promise.all(whatBringsBack.map(async (unit) => await this.host.journal(unit)));
      throw new Error([String(error), ...journals].join('\n'), { cause: error });
    }
  }

  /** Bytes of one attempt's archive, on the server itself, or the local disk. */
  async warcs(name: JobName, attempt: number): Promise<number> {
    const id = this.#ids.get(name) ?? 0;
    const file = `warcs/${id}-${String(attempt).padStart(3, '0')}-*.warc.gz`;
    const folder =
      name === 'local'
        ? this.path(name)
        : name === 'own'
          ? '/home/storage/files/direct/own/crawl'
          : `/home/storage/files/jobs/${name}`;
    const machine = name === 'local' ? this.host : this.box.server;
    const text = await machine.runOk(`cat ${folder}/${file} 2>/dev/null | wc -c`);
    return Number(text.trim());
  }

  async invocation(): Promise<string> {
    return await this.host.unitProperty(WORKER_UNIT, 'InvocationID');
  }

  async recover(...args: string[]): Promise<Recovered> {
    return await recover(this.host, ['--apply', ...args]);
  }

  /** All three are what they should be, by superblock and directory, once each, and nothing lies under them. */
  async assertMounted(): Promise<void> {
    const base = this.host.mountsOn(BASE);
    assert.equal(base.length, 1, 'one base');
    for (const name of ['hc', 'cihr'] as const) {
      const mounts = this.host.mountsOn(this.path(name));
      assert.deepEqual(
        mounts.map(({ device, root }) => [device, root]),
        [[base[0]?.device, `/jobs/${name}`]],
        `${name} is the bind of its directory, once`,
      );
    }
    assert.equal(this.host.mountsOn(this.own.path).length, 1);
    // By a fresh name, as a crawl would ask; then without the mounts, in a mount namespace of its own.
    const paths = [this.path('hc'), this.path('cihr'), this.own.path];
    const found = await this.host.runOk(['unshare', '--mount', 'sh', '-c', LOOK, 'sh', ...paths]);
    assert.equal(found, '', 'each answers, and nothing lies under it');
  }
}

const LOOK = `export LC_ALL=C
for path; do
  case $(stat "$path/never-$$" 2>&1) in *'No such file'*) ;; *) echo "$path does not answer" ;; esac
done
for path; do umount --lazy "$path" && ls -A "$path"; done`;

export const kinds = ({ answer }: Recovered): string[] =>
  answer.steps.map(
    ({ kind, path, outcome }) =>
      `${kind} ${path === BASE ? 'base' : (path ?? '').replace(`${JOBS_ROOT}/`, '')} ${outcome}`,
  );

export async function withRecoveryLab(
  options: StorageBoxOptions,
  body: (lab: RecoveryLab) => Promise<void>,
  configuration = '',
): Promise<void> {
  await withLab(options, async ({ host, box }) => {
    await bindHotPath(host, 'hc');
    await bindHotPath(host, 'cihr');
    const own = await sshfsHotPath(box, 'own');
    await host.writeFile(
      MANIFEST,
      ['hc', 'cihr'].map((name) => `${COLD_ROOT}/${name} ${JOBS_ROOT}/${name}\n`).join(''),
    );
    const installation = await install(
      host,
      `[worker]\nconcurrency = 4\npoll_seconds = 1\nmin_free_percent = 1\nstop_grace_seconds = 5\n${configuration}
[[hot_mounts]]\npath = "${own.path}"\nunit = "${own.unit}"\n`,
    );
    await host.writeFile(SENTINEL, '');
    await addSite(host, installation);
    const lab = new RecoveryLab({ host, box }, own, installation);
    for (const name of allJobs) await lab.addJob(name);
    await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
    await body(lab);
  });
}
