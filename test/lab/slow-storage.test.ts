/** A storage box that is far away: all that is done there takes long, and is done all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeWaySlow } from '../../lab/faults/slow-way.ts';
import { install, WORKER_UNIT } from '../../lab/installation.ts';
import { addJob, addSite, storedJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { mountBase } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { hot, writeManifest } from './tier.ts';
import { storageStatus } from './storage-lab.ts';
import { withLab } from './with-lab.ts';

const ROUND_TRIP_MS = 600;
const NAMES = ['a/2026', 'hc/2026', 'phac/2026'];

test('every answer takes 600 ms and more', { skip: labUnavailable(['sqlite3']) }, async (t) => {
  await withLab({ mounted: false }, async ({ host, box }) => {
    const installation = await install(host, '[worker]\npoll_seconds = 1\nmin_free_percent = 1\n');
    await writeManifest(host, NAMES);
    for (const name of NAMES) {
      const folder = `/home/storage/files/jobs/${name}`;
      await box.server.runOk(['su', '-s', '/bin/sh', '-c', `mkdir -p ${folder}`, 'storage']);
    }
    await makeWaySlow(box, ROUND_TRIP_MS);
    await mountBase(box);

    await t.test(
      'hot paths are made, mounted and proved side by side, each step told as it ends',
      async () => {
        const tiering = host.start(['healtharchive', 'storage', 'tier', '--apply']);
        await waitFor('a step that has ended', () => tiering.stdout().includes('done     bind'), 40_000);
        assert.ok(!tiering.stdout().includes('verify'), 'the others are still to come');
        const { status } = await tiering.ended;
        assert.equal(status, 0, tiering.stdout());
        const steps = [...tiering.stdout().matchAll(/^done +(bind|verify) +\S+ +([\d.]+) s$/gm)];
        assert.equal(steps.length, 2 * NAMES.length, tiering.stdout());
        assert.match(tiering.stdout(), /Done and verified/);
      },
    );

    await t.test('storage status is well, and says that it is slow', async () => {
      const { exit, answer } = await storageStatus(host);
      assert.equal(exit, 0, JSON.stringify(answer));
      for (const path of answer.hot_paths)
        assert.match(path.reason, /answers slowly \([\d.]+ s for a name\)/);
    });

    await t.test('a job there is crawled, not parked', async () => {
      await addSite(host, installation);
      const id = await addJob(installation, 'hc', hot('hc/2026'));
      await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
      const seen = await waitFor(
        'the job to be crawled or parked',
        async () => {
          const now = await storedJob(host, id);
          return now.status === 'running' || now.parked_reason !== null ? now : null;
        },
        60_000,
      );
      assert.equal(seen.parked_reason, null);
      assert.equal(seen.status, 'running');
    });
  });
});
