/** From a bare server to production by the documents' own commands, and what production must survive then. One host for all of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { CRAWLER_IMAGE, importCrawlerImage } from '../../lab/container-image.ts';
import { WORKER_UNIT } from '../../lab/installation.ts';
import { storedJob, storedJobs, type StoredJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { installedHost, runPage, type InstalledHost } from './installed-host.ts';

interface Verified {
  readonly ok: boolean;
  readonly checks: readonly { readonly code: string; readonly ok: boolean; readonly detail: string }[];
}

const RULES = '/etc/healtharchive/prometheus/healtharchive-alerts.yml';
const isFull = process.env['HEALTHARCHIVE_TEST_FULL'] === '1';
const programs = [
  'man',
  'promtool',
  'sqlite3',
  'podman',
  'crun',
  'busybox',
  'wget',
  'prometheus-node-exporter',
];

describe('an installation', { skip: labUnavailable(programs) }, () => {
  let installed: InstalledHost;
  before(async () => {
    installed = await installedHost();
  });
  after(() => installed.close());

  async function verified(): Promise<{ status: number | null; off: string[]; answer: Verified }> {
    const { status, stdout } = await installed.host.run(['healtharchive', 'ops', 'verify', '--json'], {
      timeoutMs: 30_000,
    });
    const answer = JSON.parse(stdout) as Verified;
    const off = answer.checks.filter(({ ok }) => !ok).map(({ code, detail }) => `${code}: ${detail}`);
    return { status, off, answer };
  }

  async function addTieredJob(name: string): Promise<number> {
    const { host } = installed;
    await host.runOk(
      `echo '${BASE}/jobs/${name} /srv/healtharchive/jobs/${name}' >>/etc/healtharchive/warc-tiering.binds`,
    );
    await host.runOk(['healtharchive', 'storage', 'tier', '--apply']);
    const text = await host.runOk(
      ['healtharchive', 'jobs', 'add', '--source', 'example', '--name', name, '--output-dir', name, '--json'],
      { user: 'healtharchive' },
    );
    return (JSON.parse(text) as { id: number }).id;
  }

  async function until(
    id: number,
    what: string,
    isSo: (job: StoredJob) => boolean | Promise<boolean>,
  ): Promise<StoredJob> {
    let last: StoredJob | null = null;
    try {
      return await waitFor(
        `job ${id} ${what}`,
        async () => {
          last = await storedJob(installed.host, id);
          return (await isSo(last)) ? last : null;
        },
        90_000,
      );
    } catch (error) {
      throw new Error(
        `${String(error)}\n${JSON.stringify(last)}\n${await installed.host.journal(WORKER_UNIT)}`,
        { cause: error },
      );
    }
  }

  test('the page has done what it says: what is left is that the automations are off', async () => {
    // The first round of the metrics' timer.
    await waitFor(
      'metrics',
      async () => (await verified()).off.every((line) => !line.startsWith('metrics')),
      40_000,
    );
    const { off } = await verified();
    assert.deepEqual(
      off.map((line) => line.split(':')[0]),
      ['recovery_switch', 'auto_start_switch'],
      off.join('\n'),
    );
    const again = await installed.host.run(['healtharchive', 'ops', 'install', '--apply', '--json']);
    assert.deepEqual(
      [again.status, (JSON.parse(again.stdout) as { verdict: string }).verdict],
      [0, 'nothing_to_do'],
    );
    const asUser = { user: 'games' };
    assert.match(await installed.host.runOk('MANPAGER=cat man healtharchive', asUser), /ops verify/);
    await installed.host.runOk(['promtool', 'check', 'rules', RULES], asUser);
  });

  test('its first crawl completes', async () => {
    const [first] = await storedJobs(installed.host);
    await until(first?.id ?? 0, 'to complete', ({ status }) => status === 'completed');
  });

  test('an ordinary user is told what only root can do, and nothing is changed', async () => {
    const asUser = { user: 'games' };
    const install = await installed.host.run(['healtharchive', 'ops', 'install', '--apply'], asUser);
    assert.equal(install.status, 0, install.stdout + install.stderr);
    const enable = await installed.host.run(['healtharchive', 'ops', 'enable', 'recovery'], asUser);
    assert.equal(enable.status, 5);
    assert.match(enable.stderr, /only root/);
    assert.equal((await verified()).off.length, 2);
  });

  test('the rollout’s own commands, in their order; then everything holds', async () => {
    await runPage(installed.host, 'operations/rollout.md');
    const { status, off } = await verified();
    assert.deepEqual([status, off], [0, []]);
  });

  test('a killed base under a crawl: it goes on by itself, with one attempt more', async () => {
    const { host } = installed;
    const id = await addTieredJob('killed');
    await until(id, 'to crawl', (job) => job.status === 'running' && (job.progress?.pages ?? 0) > 3);
    await killSshfs(host, BASE);
    const done = await until(id, 'to complete', ({ status }) => status === 'completed');
    assert.deepEqual([done.attempts, done.retry_count], [2, 0]);
    assert.deepEqual((await verified()).off, []);
  });

  test('the drills’ own commands', async () => {
    const { host } = installed;
    // The one before is not long ago: recovery would wait for its backoff.
    await host.runOk(['healtharchive', 'storage', 'recover', '--apply', '--rearm']);
    // The last drill needs a job that waits.
    let waiting = 0;
    const runs = await runPage(host, 'operations/drills.md', async (command) => {
      if (command.startsWith('systemctl stop')) waiting = await addTieredJob('drill');
    });
    assert.equal(runs.at(-1)?.result.stdout.trim(), 'active');
    await until(waiting, 'to complete', ({ status }) => status === 'completed');
  });

  test('backup and restore, by the page', async () => {
    const { host } = installed;
    const before = await storedJobs(host);
    const runs = await runPage(host, 'operations/backup.md');
    assert.ok(
      runs.some(
        ({ command, result }) => command.includes('integrity_check') && result.stdout.trim() === 'ok',
      ),
    );
    assert.deepEqual(
      (await storedJobs(host)).map(({ id, status }) => [id, status]),
      before.map(({ id, status }) => [id, status]),
    );
    await host.runOk(['healtharchive', 'ops', 'enable', 'auto-start']);
  });

  test('crawls in containers need their drop-ins, which verify asks for and install makes; and survive a killed base', async () => {
    const { host } = installed;
    const crawl =
      '/usr/bin/wget -q -r -l inf --delete-after -P /tmp --warc-file={output}/{attempt} --warc-cdx {seeds}';
    const preset = JSON.stringify(['sh', '-c', `${crawl} || test $? -eq 8`]);
    await importCrawlerImage(host, ['healtharchive']);
    await host.runOk(
      `sed -i 's|^\\[crawler\\]|[crawler]\\nkind = "container"\\nimage = "${CRAWLER_IMAGE}"\\npreset = PRESET|' /etc/healtharchive/config.toml`,
    );
    const text = (await host.readFile('/etc/healtharchive/config.toml')).replace('PRESET', () => preset);
    await host.writeFile('/etc/healtharchive/config.toml', text);
    const { off } = await verified();
    assert.match(off[0] ?? '', /^units: .*containers\.conf is not installed/);
    await host.runOk(['healtharchive', 'ops', 'install', '--apply']);
    await host.installUnit(`${WORKER_UNIT}.d/limits.conf`, '[Service]\nLimitNPROC=4096\n');
    await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
    assert.equal(await host.activeState(WORKER_UNIT), 'active');
    // How such crawls fare is held by container-crawls.test.ts too.
    if (!isFull) return;
    const id = await addTieredJob('contained');
    await until(id, 'to crawl', async (job) => {
      const { stdout } = await host.run(['podman', 'ps', '--format', '{{.Names}}'], {
        user: 'healtharchive',
      });
      return job.status === 'running' && stdout.includes('healtharchive-');
    });
    await killSshfs(host, BASE);
    const done = await until(id, 'to complete', ({ status }) => status === 'completed');
    assert.equal(done.retry_count, 0);
    assert.ok(done.attempts >= 2, `${done.attempts} attempts`);
    assert.match(await host.runOk(['ls', `${BASE}/jobs/contained/warcs`]), new RegExp(`^${id}-00\\d-`, 'm'));
  });
});
