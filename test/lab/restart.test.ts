/** A host is restarted in the middle of its crawls, with the units as they are shipped; recovery is not installed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropServer, restoreServer } from '../../lab/faults/server.ts';
import type { Host } from '../../lab/host.ts';
import { install, shippedUnit, WORKER_UNIT } from '../../lab/installation.ts';
import { addJob, addSite, storedJob, type StoredJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { hot, tier, writeManifest } from './tier.ts';
import { withLab } from './with-lab.ts';

const TIERING_UNIT = 'healtharchive-tiering.service';

async function untilCrawled(host: Host, id: number, after: number): Promise<StoredJob> {
  return await waitFor(
    `job ${id} to be crawled after attempt ${after}`,
    async () => {
      const job = await storedJob(host, id);
      if (job.status === 'running' && job.attempts > after) return job;
      throw new Error(JSON.stringify(job));
    },
    60_000,
  );
}

test(
  'a restart, with the storage box there and with the box away',
  { skip: labUnavailable(['sqlite3']) },
  async (t) => {
    await withLab({ serverAliveSeconds: 4 }, async ({ host, box }) => {
      const installation = await install(
        host,
        // A crawl may still see the server go, before its host does: it must not wait for ten minutes then.
        '[worker]\nconcurrency = 2\npoll_seconds = 1\nmin_free_percent = 1\ninfra_error_cooldown_seconds = 2\n',
      );
      await writeManifest(host, ['hc/2026']);
      await host.installUnit(TIERING_UNIT, shippedUnit(TIERING_UNIT));
      assert.equal((await tier(host, '--apply')).status, 0);
      await addSite(host, installation);
      const tiered = await addJob(installation, 'hc-2026', hot('hc/2026'));
      const local = await addJob(installation, 'local', hot('local'));
      for (const unit of [TIERING_UNIT, WORKER_UNIT]) {
        await host.runOk(['systemctl', 'enable', '--quiet', unit]);
        await host.runOk(['systemctl', 'start', unit], { timeoutMs: 30_000 });
      }
      for (const id of [tiered, local]) await untilCrawled(host, id, 0);

      await t.test('with the box there the hot path is mounted, and both crawls go on', async () => {
        await host.reboot();
        for (const id of [tiered, local]) assert.equal((await untilCrawled(host, id, 1)).retry_count, 0);
        assert.equal(host.mountsOn(hot('hc/2026')).length, 1);
      });

      await t.test('with the box away the host is up, and local crawls go on', async () => {
        await dropServer(box);
        await host.rebootIntoTrouble();
        const isUp = async (): Promise<boolean> => (await host.activeState('multi-user.target')) === 'active';
        await waitFor('multi-user.target', isUp, 60_000);
        await untilCrawled(host, local, 2);
        assert.equal(await host.unitProperty(TIERING_UNIT, 'Result'), 'success');
        assert.equal(host.mountsOn(hot('hc/2026')).length, 0);
      });

      await t.test('when the box comes at last, its hot path is mounted, and its crawl goes on', async () => {
        await restoreServer(box);
        await waitFor('the base', () => host.mountsOn(BASE).length === 1, 30_000);
        await untilCrawled(host, tiered, 2);
        assert.equal(host.mountsOn(hot('hc/2026')).length, 1);
      });
    });
  },
);
