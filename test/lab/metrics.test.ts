/** `metrics write` on good days and bad ones, read by the real node_exporter and by promtool. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freezeSshd } from '../../lab/faults/server.ts';
import type { Host } from '../../lab/host.ts';
import { install } from '../../lab/installation.ts';
import { addJob, addSite, DATABASE } from '../../lab/jobs.ts';
import { scrape, startNodeExporter } from '../../lab/prometheus.ts';
import { labUnavailable } from '../../lab/requirements.ts';

import { cold, hot, MANIFEST, tier } from './tier.ts';
import { withLab } from './with-lab.ts';

const FOLDER = '/var/lib/node_exporter/textfile_collector';

async function writeMetrics(host: Host): Promise<number> {
  const { status, stderr, durationMs } = await host.run(['healtharchive', 'metrics', 'write'], {
    timeoutMs: 30_000,
  });
  assert.equal(status, 0, stderr);
  return durationMs;
}

test(
  'what Prometheus is told',
  { skip: labUnavailable(['prometheus-node-exporter', 'promtool', 'wget']) },
  async (t) => {
    await withLab({ serverAliveSeconds: 120 }, async ({ host, box }) => {
      const installation = await install(host, '');
      const names = ['hc/2026', 'a\\040"b"\\134n\\012{x="y"}'];
      await host.writeFile(MANIFEST, names.map((name) => `${cold(name)} ${hot(name)}\n`).join(''));
      assert.equal((await tier(host, '--apply')).status, 0);
      await startNodeExporter(host);
      await addSite(host, installation, { pages: 10 });
      await addJob(installation, 'hc', hot('hc/2026'));

      await t.test(
        'all is well: jobs, worker, storage, each by its state, whatever the paths are called',
        async () => {
          await writeMetrics(host);
          const text = await scrape(host);
          for (const line of [
            'node_textfile_scrape_error 0',
            'healtharchive_database_up 1',
            'healtharchive_jobs{status="queued"} 1',
            'healtharchive_jobs{status="running"} 0',
            'healtharchive_jobs_infra_error_recent_total{minutes="10"} 0',
            'healtharchive_worker_active 0',
            'healtharchive_worker_should_be_running 1',
            'healtharchive_storagebox_mount_ok 1',
            `healtharchive_hot_path_state{path="${hot('hc/2026')}",state="healthy"} 1`,
            `healtharchive_hot_path_state{path="${hot('')}a \\"b\\"\\\\n\\n{x=\\"y\\"}",state="healthy"} 1`,
            'healtharchive_automation_switched_on{automation="worker-auto-start"} 0',
          ])
            assert.ok(text.includes(`\n${line}\n`), `${line}\n${text}`);
          assert.match(text, /^healtharchive_storagebox_free_bytes \S+$/m);
          const age =
            Date.now() / 1000 -
            Number(/^healtharchive_metrics_last_write_timestamp_seconds (\S+)$/m.exec(text)?.[1]);
          assert.ok(age >= 0 && age < 60, String(age));
        },
      );

      await t.test('automations tell of their runs in files of their own', async () => {
        assert.equal((await host.run(['healtharchive', 'storage', 'recover', '--apply'])).status, 5);
        assert.equal(
          (await host.run(['healtharchive', 'worker', 'auto-start', '--apply'], { timeoutMs: 60_000 }))
            .status,
          5,
        );
        const text = await scrape(host);
        for (const name of ['storage_hotpath_auto_recover', 'worker_auto_start']) {
          assert.match(text, new RegExp(`^healtharchive_${name}_enabled 0$`, 'm'));
          assert.match(text, new RegExp(`^healtharchive_${name}_last_run_timestamp_seconds \\S+$`, 'm'));
          assert.match(text, new RegExp(`^healtharchive_${name}_apply_total 0$`, 'm'));
          assert.match(
            text,
            new RegExp(`^healtharchive_${name}_last_result\\{reason="no_sentinel",result="skip"\\} 1$`, 'm'),
          );
        }
        assert.match(text, /^healtharchive_storage_hotpath_auto_recover_detected_targets 0$/m);
        assert.match(text, /^healtharchive_storage_hotpath_auto_recover_capped 0$/m);
        assert.doesNotMatch(text, /incident_open_timestamp/);
      });

      await t.test('promtool finds nothing wrong', async () => {
        const { status, stdout, stderr } = await host.run(`cat ${FOLDER}/*.prom | promtool check metrics`);
        // The contract's name of a count over a window ends like a counter; that is all it has to say.
        const said = (stdout + stderr)
          .split('\n')
          .filter((line) => line !== '' && !line.includes('healtharchive_jobs_infra_error_recent_total'));
        assert.deepEqual(said, [], `${status}`);
      });

      await t.test(
        'a database that is gone and a hung box: in time, and what is not known is absent',
        async () => {
          await host.runOk(`cd $(dirname ${DATABASE}) && mkdir away && mv *.db* away/`);
          await freezeSshd(box);
          const ms = await writeMetrics(host);
          assert.ok(ms < 15_000, `${ms} ms`);
          const text = await scrape(host);
          assert.match(text, /^healtharchive_database_up 0$/m);
          assert.doesNotMatch(text, /^healtharchive_(jobs\{|worker_should_be_running)/m);
          assert.match(text, /^healtharchive_storagebox_mount_ok 0$/m);
          assert.match(text, /^healtharchive_hot_path_state\{path="[^"]*hc\/2026",state="hung"\} 1$/m);
        },
      );

      await t.test('a full disk: it says so, and what was written before stays whole', async () => {
        await host.runOk(`mount -t tmpfs -o size=64k full ${FOLDER}`);
        await writeMetrics(host).catch(() => undefined);
        const before = await host.runOk(`cat ${FOLDER}/healtharchive.prom`);
        await host.run(`cat /dev/zero >${FOLDER}/filler`);
        const { status, stderr } = await host.run(['healtharchive', 'metrics', 'write'], {
          timeoutMs: 30_000,
        });
        assert.equal(status, 1);
        assert.match(stderr, /healtharchive\.prom can’t be written \(ENOSPC\)/);
        assert.equal(await host.runOk(`cat ${FOLDER}/healtharchive.prom`), before);
        assert.equal((await host.runOk(`ls ${FOLDER}`)).trim(), 'filler\nhealtharchive.prom');
      });
    });
  },
);
