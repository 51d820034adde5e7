/** `ops verify` on a host that was installed by its page: each misconfiguration is its top finding, and is gone when it is undone. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freezeSshfs, thawSshfs } from '../../lab/faults/sshfs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { installedHost, type InstalledHost } from './installed-host.ts';

interface Check {
  readonly code: string;
  readonly ok: boolean;
  readonly severity: string;
  readonly detail: string;
  readonly fix: string | null;
}

interface Case {
  readonly what: string;
  /** Shell, as root. */
  readonly wrong: string;
  readonly right: string;
  /** Of the top finding. */
  readonly code: string;
  readonly detail: RegExp;
}

const PROGRAM = '/opt/healtharchive/current/bin/healtharchive';
const CONFIG = '/etc/healtharchive/config.toml';
const SETTINGS = '/etc/healtharchive/storagebox.env';
const UNITS = '/etc/systemd/system';
const HOT = '/srv/healtharchive/jobs/hot';
const TEXTFILES = '/var/lib/node_exporter/textfile_collector';

/** A line of a file is replaced; `right` puts the file back. */
const edit = (file: string, expression: string) => ({
  wrong: `cp -a ${file} /tmp/kept && sed -i '${expression}' ${file}`,
  right: `cp -a /tmp/kept ${file}`,
});
const away = (path: string) => ({ wrong: `mv ${path} /tmp/kept`, right: `mv /tmp/kept ${path}` });

const cases: readonly Case[] = [
  {
    what: 'a key that is none',
    ...edit(CONFIG, 's/^\\[worker\\]/[worker]\\nconcurency = 2/'),
    code: 'configuration',
    detail: /concurency.*concurrency/,
  },
  {
    what: 'no worker’s user',
    ...edit('/etc/passwd', 's/^healtharchive:/somebody:/'),
    code: 'user',
    detail: /no user healtharchive/,
  },
  {
    what: 'no command on the path',
    ...away('/usr/local/bin/healtharchive'),
    code: 'program',
    detail: /\/usr\/local\/bin\/healtharchive/,
  },
  {
    what: 'no database',
    ...away('/srv/healtharchive/db/healtharchive.db'),
    code: 'database',
    detail: /does not exist/,
  },
  {
    what: 'a database of an older release',
    wrong: `sqlite3 /srv/healtharchive/db/healtharchive.db 'update schema_state set version = 1'`,
    right: `sqlite3 /srv/healtharchive/db/healtharchive.db 'update schema_state set version = 4'`,
    code: 'database',
    detail: /schema version/,
  },
  {
    what: 'a disk that is too full',
    ...edit(CONFIG, 's/^#min_free_percent = .*/min_free_percent = 99/'),
    code: 'local_space',
    detail: /below 99 %/,
  },
  {
    what: 'a jobs root that is root’s',
    wrong: 'chown root:root /srv/healtharchive/jobs',
    right: 'chown healtharchive:healtharchive /srv/healtharchive/jobs',
    code: 'folders',
    detail: /healtharchive\/jobs is 0:0/,
  },
  {
    what: 'a state folder for all to see',
    wrong: 'chmod 777 /srv/healtharchive/ops',
    right: 'chmod 750 /srv/healtharchive/ops',
    code: 'folders',
    detail: /777/,
  },
  {
    what: 'no folder for the deploy lock',
    wrong: 'rm -r /run/healtharchive',
    right: 'mkdir /run/healtharchive',
    code: 'folders',
    detail: /\/run\/healtharchive is missing/,
  },
  {
    what: 'nothing that makes it at boot',
    ...away('/etc/tmpfiles.d/healtharchive.conf'),
    code: 'folders',
    detail: /after a boot/,
  },
  {
    what: 'the server of the example',
    ...edit(SETTINGS, 's/@storagebox:/@storagebox.example.org:/'),
    code: 'storagebox_settings',
    detail: /server of the example/,
  },
  {
    what: 'two places for the base',
    ...edit(SETTINGS, 's|^STORAGEBOX_MOUNT=.*|STORAGEBOX_MOUNT=/mnt/box|'),
    code: 'storagebox_settings',
    detail: /\/mnt\/box, but/,
  },
  {
    what: 'a mount for root alone',
    ...edit(SETTINGS, 's/,allow_other//'),
    code: 'storagebox_settings',
    detail: /lacks allow_other/,
  },
  {
    what: 'files of somebody else',
    ...edit(SETTINGS, 's/uid=[0-9]*/uid=4711/'),
    code: 'storagebox_settings',
    detail: /uid=4711/,
  },
  {
    what: 'no settings of the box',
    ...away(SETTINGS),
    code: 'storagebox_settings',
    detail: /storagebox\.env is missing/,
  },
  { what: 'no key', ...away('/etc/healtharchive/storagebox_key'), code: 'storagebox_key', detail: /no key/ },
  {
    what: 'a key that others can read',
    wrong: 'chmod 644 /etc/healtharchive/storagebox_key',
    right: 'chmod 600 /etc/healtharchive/storagebox_key',
    code: 'storagebox_key',
    detail: /open to others/,
  },
  {
    what: 'a host that is not known',
    ...edit('/etc/healtharchive/storagebox_known_hosts', 's/storagebox/elsewhere/'),
    code: 'storagebox_host_key',
    detail: /does not have the key/,
  },
  {
    what: 'a base that does not start at boot',
    wrong: 'systemctl disable -q healtharchive-storagebox-sshfs',
    right: 'systemctl enable -q healtharchive-storagebox-sshfs',
    code: 'base_unit',
    detail: /disabled/,
  },
  {
    what: 'a hot path without its mount',
    wrong: `umount ${HOT}`,
    right: 'healtharchive storage tier --apply',
    code: 'hot_paths',
    detail: /hot is missing/,
  },
  {
    what: 'a hot path that is another disk',
    wrong: `umount ${HOT} && mount -t tmpfs none ${HOT}`,
    right: `umount ${HOT}; healtharchive storage tier --apply`,
    code: 'hot_paths',
    detail: /hot is wrong_source/,
  },
  {
    what: 'a hot path that the worker can’t write to',
    wrong: `chmod 555 ${BASE}/jobs/hot`,
    right: `chmod 755 ${BASE}/jobs/hot`,
    code: 'writable',
    detail: /hot: EACCES/,
  },
  {
    what: 'an image that is not there',
    ...edit(CONFIG, 's|^\\[crawler\\]|[crawler]\\nkind = "container"\\nimage = "localhost/none:1"|'),
    code: 'crawler',
    detail: /does not have the image/,
  },
  {
    what: 'a worker that is down',
    wrong: 'systemctl stop healtharchive-worker',
    right: 'systemctl start healtharchive-worker',
    code: 'worker_unit',
    detail: /inactive/,
  },
  {
    what: 'a worker that is put out of use',
    wrong: `mv ${UNITS}/healtharchive-worker.service /tmp/kept && ln -s /dev/null ${UNITS}/healtharchive-worker.service && systemctl daemon-reload`,
    right: `mv /tmp/kept ${UNITS}/healtharchive-worker.service && systemctl daemon-reload`,
    code: 'worker_unit',
    detail: /masked/,
  },
  {
    what: 'a unit that is not installed',
    ...away(`${UNITS}/healtharchive-metrics.service`),
    code: 'units',
    detail: /metrics\.service is not installed/,
  },
  {
    what: 'tiering that is not done at boot',
    wrong: 'systemctl disable -q healtharchive-tiering',
    right: 'systemctl enable -q healtharchive-tiering',
    code: 'units_enabled',
    detail: /tiering\.service is disabled/,
  },
  {
    what: 'a unit that has failed',
    wrong: `mkdir -p ${UNITS}/healtharchive-metrics.service.d && printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' >${UNITS}/healtharchive-metrics.service.d/x.conf && systemctl daemon-reload; systemctl start healtharchive-metrics; true`,
    right: `rm -r ${UNITS}/healtharchive-metrics.service.d && systemctl daemon-reload && systemctl start healtharchive-metrics`,
    code: 'units_failed',
    detail: /metrics\.service has failed/,
  },
  {
    what: 'a timer that does not run',
    wrong: 'systemctl stop healtharchive-worker-auto-start.timer',
    right: 'systemctl start healtharchive-worker-auto-start.timer',
    code: 'timers',
    detail: /auto-start\.timer is inactive/,
  },
  {
    what: 'a path unit that does not watch',
    wrong: 'systemctl stop healtharchive-storage-hotpath-auto-recover.path',
    right: 'systemctl start healtharchive-storage-hotpath-auto-recover.path',
    code: 'timers',
    detail: /\.path is inactive/,
  },
  {
    what: 'a unit that was changed',
    wrong: `cp -a ${UNITS}/healtharchive-tiering.service /tmp/kept && echo '# mine' >>${UNITS}/healtharchive-tiering.service && systemctl daemon-reload`,
    right: `cp -a /tmp/kept ${UNITS}/healtharchive-tiering.service && systemctl daemon-reload`,
    code: 'units_changed',
    detail: /tiering\.service is not as it is shipped/,
  },
  {
    what: 'a unit that systemd has not read',
    wrong: `touch ${UNITS}/healtharchive-metrics.timer`,
    right: 'systemctl daemon-reload',
    code: 'units_not_read',
    detail: /metrics\.timer has changed/,
  },
  {
    what: 'files under a mount',
    wrong: `mkdir -p /mnt/under && mount --bind /srv/healtharchive/jobs /mnt/under && touch /mnt/under/hot/lost && umount /mnt/under`,
    right: `mount --bind /srv/healtharchive/jobs /mnt/under && rm /mnt/under/hot/lost && umount /mnt/under`,
    code: 'shadowed',
    detail: /under .*hot/,
  },
  {
    what: 'a line of the manifest that is none',
    ...edit('/etc/healtharchive/warc-tiering.binds', '$a one word and more'),
    code: 'manifest',
    detail: /line 2/,
  },
  {
    what: 'a mount inside a hot path',
    wrong: `mkdir -p ${HOT}/warcs && mount -t tmpfs none ${HOT}/warcs`,
    right: `umount ${HOT}/warcs`,
    code: 'foreign_mounts',
    detail: /hot\/warcs/,
  },
  {
    what: 'a folder in the place of the deploy lock',
    wrong: 'mkdir /run/healtharchive/deploy.lock',
    right: 'rmdir /run/healtharchive/deploy.lock',
    code: 'deploy_lock',
    detail: /no plain file/,
  },
  {
    what: 'a lock file that the worker can’t open',
    wrong: 'install -m 600 /dev/null /srv/healtharchive/ops/locks/other.lock',
    right: 'rm /srv/healtharchive/ops/locks/other.lock',
    code: 'state_files',
    detail: /can’t read .*other\.lock/,
  },
  {
    what: 'a clock that was set back',
    wrong: `touch -d '+2 hours' ${TEXTFILES}/healtharchive.prom`,
    right: `touch ${TEXTFILES}/healtharchive.prom`,
    code: 'clock',
    detail: /minutes before/,
  },
  {
    what: 'metrics that are old',
    wrong: `touch -d '-1 hour' ${TEXTFILES}/healtharchive.prom`,
    right: `touch ${TEXTFILES}/healtharchive.prom`,
    code: 'metrics',
    detail: /60 minutes old/,
  },
  {
    what: 'metrics that node_exporter can’t read',
    wrong: `chmod 700 ${TEXTFILES}`,
    right: `chmod 755 ${TEXTFILES}`,
    code: 'textfiles',
    detail: /can’t read/,
  },
  {
    what: 'no node_exporter',
    wrong: 'systemctl stop prometheus-node-exporter',
    right: 'systemctl start prometheus-node-exporter',
    code: 'textfiles',
    detail: /does not run/,
  },
  {
    what: 'a copy of the program that was broken off',
    wrong: 'mkdir /opt/healtharchive/releases/x.unfinished',
    right: 'rmdir /opt/healtharchive/releases/x.unfinished',
    code: 'deploy_left',
    detail: /broken off/,
  },
  {
    what: 'a folder that switches nothing on',
    wrong: 'mkdir /etc/healtharchive/storage-hotpath-auto-recover-enabled',
    right: 'rmdir /etc/healtharchive/storage-hotpath-auto-recover-enabled',
    code: 'recovery_switch',
    detail: /no plain file/,
  },
];

describe(
  'ops verify',
  { skip: labUnavailable(['sqlite3', 'podman', 'prometheus-node-exporter', 'prometheus']) },
  () => {
    let installed: InstalledHost;
    before(async () => {
      installed = await installedHost('verify');
      const { host } = installed;
      await host.runOk(`echo '${BASE}/jobs/hot ${HOT}' >/etc/healtharchive/warc-tiering.binds`);
      await host.runOk(['healtharchive', 'storage', 'tier', '--apply']);
      await waitFor('what is well', async () => (await off()).length === 2, 40_000);
    });
    after(() => installed.close());

    async function verify(): Promise<{
      status: number | null;
      checks: readonly Check[];
      durationMs: number;
    }> {
      const began = performance.now();
      const { status, stdout, stderr } = await installed.host.run([PROGRAM, 'ops', 'verify', '--json'], {
        timeoutMs: 30_000,
      });
      const durationMs = performance.now() - began;
      try {
        const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: readonly Check[] };
        assert.equal(
          ok,
          checks.every((check) => check.ok),
        );
        assert.equal(status, ok ? 0 : 3);
        return { status, checks, durationMs };
      } catch (error) {
        throw new Error(`${String(error)}\n${stdout}\n${stderr}`, { cause: error });
      }
    }
    const off = async (): Promise<readonly Check[]> => (await verify()).checks.filter(({ ok }) => !ok);
    const said = (checks: readonly Check[]): string =>
      checks.map(({ code, detail }) => `${code}: ${detail}`).join('\n');

    for (const { what, wrong, right, code, detail } of cases)
      test(`${what}: ${code}`, async () => {
        const { host } = installed;
        await host.runOk(wrong, { timeoutMs: 60_000 });
        try {
          const [top, ...others] = await off();
          assert.equal(top?.code, code, said([...(top === undefined ? [] : [top]), ...others]));
          assert.match(top.detail, detail);
          assert.notEqual(top.fix, null);
        } finally {
          await host.runOk(right, { timeoutMs: 60_000 });
        }
      });

    test('a deploy lock that somebody holds: deploy_lock', async () => {
      const { host } = installed;
      const holder = host.start(['flock', '/run/healtharchive/deploy.lock', 'sleep', '60']);
      await waitFor('the lock', async () => (await off())[0]?.code === 'deploy_lock', 10_000);
      holder.kill('SIGTERM');
    });

    test('Prometheus without the rules, and with them', async () => {
      const { host } = installed;
      await host.writeFile('/tmp/prometheus.yml', 'global: {}\n');
      const options = [
        '--config.file=/tmp/prometheus.yml',
        '--storage.tsdb.path=/tmp/tsdb',
        '--web.listen-address=127.0.0.1:9090',
        '--web.enable-lifecycle',
      ];
      const prometheus = host.start(['prometheus', ...options]);
      await waitFor('what is missing', async () => (await off())[0]?.code === 'alert_rules', 20_000);
      await host.writeFile(
        '/tmp/prometheus.yml',
        'rule_files: [/etc/healtharchive/prometheus/healtharchive-alerts.yml]\n',
      );
      await host.runOk(['wget', '-q', '-O', '/dev/null', '--post-data=', 'http://127.0.0.1:9090/-/reload']);
      await waitFor('the rules', async () => (await off()).length === 2, 10_000);
      prometheus.kill('SIGTERM');
    });

    test('after all of it, nothing is left', async () => {
      assert.deepEqual(
        said(await off())
          .split('\n')
          .map((line) => line.split(':')[0]),
        ['recovery_switch', 'auto_start_switch'],
      );
    });

    test('with every mount hung: the base is its top finding, within 10 s', async () => {
      const { host } = installed;
      await freezeSshfs(host, BASE);
      const { checks, durationMs } = await verify();
      await thawSshfs(host, BASE);
      const [top] = checks;
      assert.equal(top?.code, 'base', said(checks.filter(({ ok }) => !ok)));
      assert.match(top.detail, /hung/);
      assert.ok(durationMs < 10_000, `${Math.round(durationMs)} ms`);
    });
  },
);
