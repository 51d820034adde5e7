import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Host } from '../../lab/host.ts';
import { WORKER_UNIT, type Installation } from '../../lab/installation.ts';
import { addJob, storedJob, type StoredJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { waitFor } from '../../lab/wait-for.ts';
import type { ExitRecord } from '../../src/core/attempts/attempt-end.ts';
import { hostWithSite, isCompleted, until } from './worker-host.ts';

async function outcomes(installation: Installation, id: number): Promise<(string | null)[]> {
  const job = (await installation.json('jobs', 'show', String(id))) as {
    attempt_list: readonly { outcome: string | null }[];
  };
  return job.attempt_list.map(({ outcome }) => outcome);
}

const isCrawling = (job: StoredJob) => job.status === 'running' && (job.progress?.pages ?? 0) > 0;

/** Processes that name the attempt in their arguments: the launcher by its spec, the crawler by what it is told. */
function pidsOf(host: Host, attempt: string): number[] {
  const named = host.processes().filter(({ argv }) => argv.some((argument) => argument.includes(attempt)));
  return named.map(({ pid }) => pid);
}

/** Every file below a folder with its checksum. */
async function checksums(host: Host, folder: string): Promise<string[]> {
  const text = await host.runOk(`find ${folder} -type f -exec sha256sum {} + | sort`);
  return text.trim().split('\n');
}

describe('the worker as a service', { skip: labUnavailable(['sqlite3']) }, () => {
  let host: Host;
  let installation: Installation;
  before(async () => {
    ({ host, installation } = await hostWithSite(
      'worker',
      '[worker]\npoll_seconds = 0.5\nmin_free_percent = 1',
      60,
      100,
    ));
    await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
  });
  after(() => host.close());

  test('is active once it is ready, and tells what it does', async () => {
    assert.equal(await host.activeState(WORKER_UNIT), 'active');
    assert.equal(await host.unitProperty(WORKER_UNIT, 'StatusText'), 'idle');
    const id = await addJob(installation, 'status');
    await until(host, id, 'to crawl', isCrawling);
    assert.match(await host.unitProperty(WORKER_UNIT, 'StatusText'), /crawling 1-001/);
    const done = await until(host, id, 'to complete', isCompleted);
    const owner = await host.runOk(['sh', '-c', `stat -c %U ${done.output_dir}/warcs/1-001*`]);
    assert.deepEqual([...new Set(owner.trim().split('\n'))], ['healtharchive']);
  });

  test('killed in the middle of a crawl, systemd starts it again and the job completes', async () => {
    const id = await addJob(installation, 'killed');
    await until(host, id, 'to crawl', isCrawling);
    await host.runOk(['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', WORKER_UNIT]);
    const done = await until(host, id, 'to complete', isCompleted);
    assert.equal(done.attempts, 2);
    assert.equal(await host.activeState(WORKER_UNIT), 'active');
  });

  test('killed, it leaves a launcher that ends the crawl and tells how; nothing of that is overwritten later', async () => {
    const id = await addJob(installation, 'told by the launcher');
    const { output_dir } = await until(host, id, 'to crawl', isCrawling);
    const attempt = `${id}-001`;
    const record = `/srv/healtharchive/ops/attempts/${attempt}/exit.json`;
    const crawlers = pidsOf(host, attempt);
    assert.ok(crawlers.length >= 2, 'the launcher and its crawler');
    // Held back until it is known what the first attempt left, or a quick machine would crawl on before the looks below.
    await host.installUnit(`${WORKER_UNIT}.d/later.conf`, '[Service]\nRestartSec=3600\n');
    await host.runOk(['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', WORKER_UNIT]);
    await waitFor('the crawl to end with its worker', () => pidsOf(host, attempt).length === 0, 15_000);
    assert.equal(await host.unitProperty(WORKER_UNIT, 'SubState'), 'auto-restart');
    const { exit, workerLost, crawl } = JSON.parse(await host.readFile(record)) as ExitRecord;
    assert.deepEqual([exit, workerLost], [{ kind: 'signaled', signal: 'SIGTERM' }, true]);
    assert.ok(crawl !== null && crawl.pages > 0 && crawl.pages < 60, 'in the middle of the crawl');

    const copies = `${output_dir}/attempts/001`;
    for (const [copy, original] of [
      ['exit-record.json', record],
      ['crawler.log', `/srv/healtharchive/ops/attempts/${attempt}/log`],
    ]) {
      const isSame = async () => (await host.run(['cmp', `${copies}/${copy}`, original ?? ''])).status === 0;
      await waitFor(`${copy} to be copied beside the archive`, isSame, 10_000);
    }
    const left = await checksums(host, output_dir);
    assert.ok(
      left.some((line) => line.includes(`/warcs/${attempt}-00000.warc.gz`)),
      left.join('\n'),
    );

    await host.removeUnit(`${WORKER_UNIT}.d/later.conf`);
    await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
    const done = await until(host, id, 'to complete', isCompleted);
    assert.deepEqual([done.attempts, done.crawler_status], [2, 'success']);
    assert.deepEqual(await outcomes(installation, id), ['interrupted', 'success']);
    assert.match(
      await host.journal(WORKER_UNIT),
      new RegExp(`job given back: .*job=${id} outcome=interrupted`),
    );
    const now = await checksums(host, output_dir);
    assert.deepEqual(
      left.filter((line) => !now.includes(line)),
      [],
      'as the first attempt left it',
    );
    assert.ok(
      now.some((line) => line.includes(`/warcs/${id}-002-00000.warc.gz`)),
      now.join('\n'),
    );
    await waitFor(
      'the record of the second attempt',
      async () =>
        (await host.run(['test', '-s', `${output_dir}/attempts/002/exit-record.json`])).status === 0,
      10_000,
    );
  });

  test('killed, its next start waits for no crawler that can’t end, and crawls nothing beside it', async () => {
    const id = await addJob(installation, 'can’t end');
    const attempt = `${id}-001`;
    await until(host, id, 'to crawl', isCrawling);
    const crawlers = pidsOf(host, attempt);
    assert.ok(crawlers.length >= 2, 'the launcher and its crawler');
    for (const pid of crawlers) process.kill(pid, 'SIGSTOP');
    await host.runOk(['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', WORKER_UNIT]);
    await waitFor(
      'the next worker to say what it waits for',
      async () => (await host.journal(WORKER_UNIT)).includes('a crawler outlived its worker'),
      30_000,
    );
    await waitFor('it to be ready', async () => (await host.activeState(WORKER_UNIT)) === 'active', 10_000);
    assert.deepEqual(pidsOf(host, attempt).sort(), crawlers.sort(), 'the manager left them alone');
    const waiting = await storedJob(host, id);
    assert.deepEqual([waiting.status, waiting.attempts], ['running', 1]);
    for (const pid of crawlers) process.kill(pid, 'SIGCONT');
    await until(host, id, 'to complete', isCompleted);
    assert.deepEqual(await outcomes(installation, id), ['interrupted', 'success']);
  });

  test('stopped in the middle of a crawl it ends cleanly, and the crawl goes on later', async () => {
    const id = await addJob(installation, 'stopped');
    await until(host, id, 'to crawl', isCrawling);
    await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
    assert.equal(await host.unitProperty(WORKER_UNIT, 'Result'), 'success');
    const stopped = await storedJob(host, id);
    assert.deepEqual([stopped.status, stopped.crawler_status], ['retryable', 'interrupted']);
    await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
    await until(host, id, 'to complete', isCompleted);
  });

  test('frozen, the watchdog ends it and systemd starts it again', async () => {
    await host.installUnit(`${WORKER_UNIT}.d/quick.conf`, '[Service]\nWatchdogSec=4\nRestartSec=1\n');
    await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
    const before = await host.unitProperty(WORKER_UNIT, 'MainPID');
    await new Promise((resolve) => setTimeout(resolve, 6000));
    assert.equal(
      await host.unitProperty(WORKER_UNIT, 'MainPID'),
      before,
      'an idle worker feeds its watchdog',
    );
    await host.runOk(['systemctl', 'kill', '--kill-whom=main', '--signal=STOP', WORKER_UNIT]);
    await waitFor(
      'another worker',
      async () => {
        const now = await host.unitProperty(WORKER_UNIT, 'MainPID');
        return now !== before && now !== '0' && (await host.activeState(WORKER_UNIT)) === 'active';
      },
      30_000,
    );
  });

  test('without its database it ends with 4 and is not started again', async () => {
    await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
    await host.runOk('cd /srv/healtharchive/db && mkdir away && mv healtharchive.db* away/');
    await host.run(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
    await waitFor(
      'the unit to have failed',
      async () => (await host.activeState(WORKER_UNIT)) === 'failed',
      20_000,
    );
    assert.equal(await host.unitProperty(WORKER_UNIT, 'ExecMainStatus'), '4');
    assert.match(await host.journal(WORKER_UNIT), /healtharchive db migrate/);
  });
});
