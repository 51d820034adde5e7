/** One storage box, two jobs, each on an sshfs mount of its own: the death of one mount is no business of the other job. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { sshfsHotPath } from '../../lab/hot-path.ts';
import type { Host } from '../../lab/host.ts';
import { install, WORKER_UNIT, type Installation } from '../../lab/installation.ts';
import { addJob, addSite, storedJob } from '../../lab/jobs.ts';
import { probe } from '../../lab/probe.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { withLab, type Lab } from './with-lab.ts';

interface Job {
  readonly id: number;
  readonly status: string;
  readonly crawler_status: string | null;
  readonly retry_count: number;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly parked: { readonly reason: string; readonly since: string } | null;
  readonly events: readonly { readonly kind: string }[];
}

/** The worker's installation, and questions about its jobs. */
class Jobs {
  readonly #host: Host;
  readonly #installation: Installation;

  constructor(host: Host, installation: Installation) {
    this.#host = host;
    this.#installation = installation;
  }

  async add(name: string): Promise<number> {
    return await addJob(this.#installation, name, `${name}/crawl`);
  }

  async show(id: number): Promise<Job> {
    return (await this.#installation.json('jobs', 'show', String(id))) as Job;
  }

  async untilCompleted(id: number): Promise<Job> {
    const seen = async () => {
      const job = await storedJob(this.#host, id);
      if (job.status === 'completed') return await this.show(id);
      throw new Error(JSON.stringify(job));
    };
    try {
      return await waitFor(`job ${id} to complete`, seen, 60_000);
    } catch (error) {
      throw new Error(`${String(error)}\n${await this.#host.journal(WORKER_UNIT)}`, { cause: error });
    }
  }

  async linesAbout(id: number, message: string): Promise<string[]> {
    const lines = (await this.#host.journal(WORKER_UNIT)).split('\n');
    return lines.filter((line) => line.includes(message) && line.includes(` job=${id} `));
  }
}

async function installWithMounts(
  host: Host,
  mounts: readonly { path: string; unit: string }[],
): Promise<Jobs> {
  const tables = mounts.map(({ path, unit }) => `[[hot_mounts]]\npath = "${path}"\nunit = "${unit}"\n`);
  const worker = '[worker]\npoll_seconds = 0.5\nmin_free_percent = 1\nconcurrency = 2\n';
  const installation = await install(host, `${worker}${tables.join('')}`);
  await addSite(host, installation, { pages: 30, delayMs: 100 });
  return new Jobs(host, installation);
}

/** What has arrived on the box itself. */
async function archived({ box }: Lab, name: string): Promise<string> {
  return await box.server.runOk(`ls /home/storage/files/direct/${name}/crawl/warcs 2>/dev/null || true`);
}

test(
  'beside a job on a dead mount, parked without an attempt, the other one is crawled; mounted again, it is crawled too',
  {
    skip: labUnavailable(['sqlite3']),
  },
  () =>
    withLab({}, async (lab) => {
      const { host, box } = lab;
      const dying = await sshfsHotPath(box, 'dying');
      const healthy = await sshfsHotPath(box, 'healthy');
      const jobs = await installWithMounts(host, [dying, healthy]);
      // First in the queue, so that it would be the one to start.
      const first = await jobs.add('dying');
      const second = await jobs.add('healthy');
      await killSshfs(host, dying.path);
      assert.equal(await probe(host, 'lookup', dying.path), 'ENOTCONN');
      await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });

      const done = await jobs.untilCompleted(second);
      assert.deepEqual([done.crawler_status, done.attempts, done.parked], ['success', 1, null]);
      assert.match(await archived(lab, 'healthy'), new RegExp(`^${second}-001-00000\\.warc\\.gz$`, 'm'));
      const parked = await jobs.show(first);
      assert.deepEqual(
        [parked.status, parked.attempts, parked.retry_count, parked.parked?.reason],
        ['queued', 0, 0, 'dead'],
      );
      assert.equal(parked.last_error, null);
      // A worker that starts anew finds the job parked already, and has nothing new to say.
      await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
      const third = await jobs.add('healthy-again');
      await jobs.untilCompleted(third);
      const said = await jobs.linesAbout(first, 'job parked');
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0] ?? '', /ENOTCONN|dead/);
      assert.deepEqual((await jobs.show(first)).parked, parked.parked);
      assert.equal(await archived(lab, 'dying'), '');
      assert.equal(host.mountsOn(dying.path).length, 1, 'the dead mount is left as it is');

      await host.runOk(['systemctl', 'restart', dying.unit]);
      const late = await jobs.untilCompleted(first);
      assert.deepEqual(
        [late.crawler_status, late.attempts, late.retry_count, late.parked],
        ['success', 1, 0, null],
      );
      assert.match(await archived(lab, 'dying'), new RegExp(`^${first}-001-00000\\.warc\\.gz$`, 'm'));
      assert.equal((await jobs.linesAbout(first, 'job no longer parked')).length, 1);
      const hidden = await underneath(host, dying.path);
      assert.equal(hidden, '', 'nothing on the local disk below the mount');
    }),
);

/** What the directory below the topmost mount on a path holds, seen in a mount namespace of its own. */
async function underneath(host: Host, path: string): Promise<string> {
  return await host.runOk(['unshare', '--mount', 'sh', '-c', 'umount -l "$1" && ls -A "$1"', 'sh', path]);
}
