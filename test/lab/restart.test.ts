/** A host is restarted in the middle of its crawls, with the units as they are shipped; recovery is not installed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropServer, restoreServer } from '../../lab/faults/server.ts';
import { install, shippedUnit, WORKER_UNIT, type Installation } from '../../lab/installation.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import type { LabJob } from './recovery-lab.ts';
import { hot, tier, writeManifest } from './tier.ts';
import { withLab } from './with-lab.ts';

const TIERING_UNIT = 'healtharchive-tiering.service';
const SITE_UNIT = 'lab-site.service';
const SITE = '/opt/healtharchive/lab/site.ts --pages 4000 --delay-ms 300 --port 8001';

async function untilCrawled(installation: Installation, id: number, after: number): Promise<LabJob> {
  return await waitFor(
    `job ${id} to be crawled after attempt ${after}`,
    async () => {
      const job = (await installation.json('jobs', 'show', String(id))) as LabJob;
      if (job.status === 'running' && job.attempts > after) return job;
      throw new Error(JSON.stringify(job));
    },
    60_000,
  );
}

test(
  'a restart, with the storage box there and with the box away',
  { skip: labUnavailable(['wget']) },
  async (t) => {
    await withLab({ serverAliveSeconds: 4 }, async ({ host, box }) => {
      const installation = await install(
        host,
        // A crawl may still see the server go, before its host does: it must not wait for ten minutes then.
        '[worker]\nconcurrency = 2\npoll_seconds = 1\nmin_free_percent = 1\ninfra_error_cooldown_seconds = 2\n',
      );
      await writeManifest(host, ['hc/2026']);
      await host.installUnit(TIERING_UNIT, shippedUnit(TIERING_UNIT));
      const node = '/opt/healtharchive/node_modules/.bin/node';
      await host.installUnit(
        SITE_UNIT,
        `[Service]\nExecStart=${node} ${SITE}\n[Install]\nWantedBy=multi-user.target\n`,
      );
      assert.equal((await tier(host, '--apply')).status, 0);
      const seed = 'http://127.0.0.1:8001/en/';
      await installation.json('sources', 'add', '--code', 'hc', '--name', 'HC', '--seed', seed);
      for (const name of ['hc/2026', 'local'])
        await installation.json(
          'jobs',
          'add',
          '--source',
          'hc',
          '--name',
          name.replace('/', '-'),
          '--output-dir',
          hot(name),
        );
      for (const unit of [SITE_UNIT, TIERING_UNIT, WORKER_UNIT]) {
        await host.runOk(['systemctl', 'enable', '--quiet', unit]);
        await host.runOk(['systemctl', 'start', unit], { timeoutMs: 30_000 });
      }
      const [tiered, local] = [1, 2];
      for (const id of [tiered, local]) await untilCrawled(installation, id, 0);

      await t.test('with the box there the hot path is mounted, and both crawls go on', async () => {
        await host.reboot();
        for (const id of [tiered, local])
          assert.equal((await untilCrawled(installation, id, 1)).retry_count, 0);
        assert.equal(host.mountsOn(hot('hc/2026')).length, 1);
      });

      await t.test('with the box away the host is up, and local crawls go on', async () => {
        await dropServer(box);
        await host.rebootIntoTrouble();
        const isUp = async (): Promise<boolean> => (await host.activeState('multi-user.target')) === 'active';
        await waitFor('multi-user.target', isUp, 60_000);
        await untilCrawled(installation, local, 2);
        assert.equal(await host.unitProperty(TIERING_UNIT, 'Result'), 'success');
        assert.equal(host.mountsOn(hot('hc/2026')).length, 0);
      });

      await t.test('when the box comes at last, its hot path is mounted, and its crawl goes on', async () => {
        await restoreServer(box);
        await waitFor('the base', () => host.mountsOn(BASE).length === 1, 30_000);
        await untilCrawled(installation, tiered, 2);
        assert.equal(host.mountsOn(hot('hc/2026')).length, 1);
      });
    });
  },
);
