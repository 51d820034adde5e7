/** One storage box, two jobs, each on an sshfs mount of its own: the death of one mount is no business of the other job. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { sshfsHotPath } from '../../lab/hot-path.ts';
import { bootHost, type Host } from '../../lab/host.ts';
import { install, WORKER_UNIT, type Installation } from '../../lab/installation.ts';
import { probe } from '../../lab/probe.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { storageBox, type StorageBox } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';

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

type Mount = Awaited<ReturnType<typeof sshfsHotPath>>;

const served = '/home/storage/files/direct';

describe('a dead mount beside a healthy one', { skip: labUnavailable(['wget']) }, () => {
  let host: Host;
  let box: StorageBox;
  let installation: Installation;
  let dying: Mount;
  let healthy: Mount;
  before(async () => {
    host = await bootHost({ name: 'beside' });
    box = await storageBox(host);
    dying = await sshfsHotPath(box, 'dying');
    healthy = await sshfsHotPath(box, 'healthy');
    const mounts = [dying, healthy].map(
      ({ path, unit }) => `[[hot_mounts]]\npath = "${path}"\nunit = "${unit}"\n`,
    );
    const worker = '[worker]\npoll_seconds = 0.5\nmin_free_percent = 1\nconcurrency = 2\n';
    installation = await install(host, `${worker}${mounts.join('')}`);
    const node = '/opt/healtharchive/node_modules/.bin/node';
    const options = ['--pages', '30', '--delay-ms', '100', '--port', '8001'];
    const site = host.start([node, '/opt/healtharchive/lab/site.ts', ...options]);
    await waitFor('the site', () => site.stdout().includes('"url"'), 10_000);
    const seed = 'http://127.0.0.1:8001/en/';
    await installation.json('sources', 'add', '--code', 'hc', '--name', 'Health Canada', '--seed', seed);
  });
  after(async () => {
    await box.close();
    await host.close();
  });

  async function addJob(name: string): Promise<number> {
    const place = ['--source', 'hc', '--name', name, '--output-dir', `${name}/crawl`];
    return ((await installation.json('jobs', 'add', ...place)) as Job).id;
  }

  async function show(id: number): Promise<Job> {
    return (await installation.json('jobs', 'show', String(id))) as Job;
  }

  async function until(id: number, what: string, isSo: (job: Job) => boolean): Promise<Job> {
    const seen = async () => {
      const job = await show(id);
      if (isSo(job)) return job;
      throw new Error(JSON.stringify(job));
    };
    try {
      return await waitFor(`job ${id} ${what}`, seen, 60_000);
    } catch (error) {
      throw new Error(`${String(error)}\n${await host.journal(WORKER_UNIT)}`, { cause: error });
    }
  }

  async function linesAbout(id: number, message: string): Promise<string[]> {
    const lines = (await host.journal(WORKER_UNIT)).split('\n');
    return lines.filter((line) => line.includes(message) && line.includes(` job=${id} `));
  }

  /** What has arrived on the box itself. */
  async function archived(name: string): Promise<string> {
    return await box.server.runOk(`ls ${served}/${name}/crawl/warcs 2>/dev/null || true`);
  }

  test('its job is parked without an attempt, the other one is crawled; mounted again, it is crawled too', async () => {
    // First in the queue, so that it would be the one to start.
    const first = await addJob('dying');
    const second = await addJob('healthy');
    await killSshfs(host, dying.path);
    assert.equal(await probe(host, 'lookup', dying.path), 'ENOTCONN');
    await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });

    const done = await until(second, 'to complete', (job) => job.status === 'completed');
    assert.deepEqual([done.crawler_status, done.attempts, done.parked], ['success', 1, null]);
    assert.match(await archived('healthy'), new RegExp(`^${second}-001-00000\\.warc\\.gz$`, 'm'));
    const parked = await show(first);
    assert.deepEqual(
      [parked.status, parked.attempts, parked.retry_count, parked.parked?.reason],
      ['queued', 0, 0, 'dead'],
    );
    assert.equal(parked.last_error, null);
    // A worker that starts anew finds the job parked already, and has nothing new to say.
    await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
    const third = await addJob('healthy-again');
    await until(third, 'to complete', (job) => job.status === 'completed');
    const said = await linesAbout(first, 'job parked');
    assert.equal(said.length, 1, said.join('\n'));
    assert.match(said[0] ?? '', /ENOTCONN|dead/);
    assert.deepEqual((await show(first)).parked, parked.parked);
    assert.equal(await archived('dying'), '');
    assert.equal(host.mountsOn(dying.path).length, 1, 'the dead mount is left as it is');

    await host.runOk(['systemctl', 'restart', dying.unit]);
    const late = await until(first, 'to complete', (job) => job.status === 'completed');
    assert.deepEqual(
      [late.crawler_status, late.attempts, late.retry_count, late.parked],
      ['success', 1, 0, null],
    );
    assert.match(await archived('dying'), new RegExp(`^${first}-001-00000\\.warc\\.gz$`, 'm'));
    assert.equal((await linesAbout(first, 'job no longer parked')).length, 1);
    const hidden = await underneath(host, dying.path);
    assert.equal(hidden, '', 'nothing on the local disk below the mount');
  });
});

/** What the directory below the topmost mount on a path holds, seen in a mount namespace of its own. */
async function underneath(host: Host, path: string): Promise<string> {
  return await host.runOk(['unshare', '--mount', 'sh', '-c', 'umount -l "$1" && ls -A "$1"', 'sh', path]);
}
