/** What jobs have archived is not on the box any more, or the base is another one: nothing is made in its place without a word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stackTmpfs } from '../../lab/faults/mounts.ts';
import { install, WORKER_UNIT } from '../../lab/installation.ts';
import { addJob, addSite, storedJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { mountBase, SETTINGS, type StorageBox } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { recover } from './recover.ts';
import { codes, cold, hot, kinds, tier, writeManifest } from './tier.ts';
import { storageStatus } from './storage-lab.ts';
import { withLab } from './with-lab.ts';

const PLACE = 'hc/2026';
const SERVED = '/home/storage/files';

/** Mounts the base anew, from this folder of the server: sshfs answers from its cache for twenty seconds what others have changed. */
async function mountAnew(box: StorageBox, folder = ''): Promise<void> {
  const { host, source, unit } = box;
  const settings = await host.readFile(SETTINGS);
  const from = folder === '' ? source : `${source}/${folder}`;
  await host.writeFile(SETTINGS, settings.replace(/^STORAGEBOX_SOURCE=.*$/m, `STORAGEBOX_SOURCE=${from}`));
  await host.runOk(['systemctl', 'stop', unit], { timeoutMs: 20_000 });
  await host.run(['umount', '--lazy', hot(PLACE)]);
  await mountBase(box);
}

test('an archive that is gone, or another one', { skip: labUnavailable(['sqlite3']) }, async (t) => {
  await withLab({ serverAliveSeconds: 4 }, async ({ host, box }) => {
    const installation = await install(
      host,
      '[worker]\npoll_seconds = 1\nmin_free_percent = 1\nstop_grace_seconds = 5\n',
    );
    await writeManifest(host, [PLACE]);
    await t.test('what was never there is made, and that is said', async () => {
      const planned = await tier(host);
      assert.match(planned.plan.steps[0]?.because ?? '', /made new on the storage box/);
      assert.equal((await tier(host, '--apply')).status, 0);
    });

    await addSite(host, installation);
    const id = await addJob(installation, 'hc', hot(PLACE));
    await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
    await waitFor('the crawl', async () => (await storedJob(host, id)).status === 'running', 30_000);
    await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 90_000 });

    await t.test('removed on the box: left to a person, and nothing is made', async () => {
      await box.server.runOk(['mv', `${SERVED}/jobs/${PLACE}`, `${SERVED}/jobs/away`]);
      await mountAnew(box);
      for (const args of [[], ['--apply']]) {
        const answer = await tier(host, ...args);
        assert.deepEqual(
          [answer.status, kinds(answer), codes(answer)],
          [3, [], ['archive_gone']],
          JSON.stringify(answer),
        );
      }
      const recovery = await recover(host, ['--apply', '--force-without-sentinel']);
      assert.ok(
        recovery.answer.refusals.some(({ code }) => code === 'archive_gone'),
        JSON.stringify(recovery.answer),
      );
      assert.equal(await host.exists(cold(PLACE)), false);
      assert.equal(host.mountsOn(hot(PLACE)).length, 0);
    });

    await t.test('a file in its place is named', async () => {
      await box.server.runOk(['touch', `${SERVED}/jobs/${PLACE}`]);
      await mountAnew(box);
      assert.deepEqual(codes(await tier(host, '--apply')), ['cold_not_directory']);
      await box.server.runOk(['rm', `${SERVED}/jobs/${PLACE}`]);
    });

    await t.test('put back, it is mounted', async () => {
      await box.server.runOk(['mv', `${SERVED}/jobs/away`, `${SERVED}/jobs/${PLACE}`]);
      await mountAnew(box);
      assert.equal((await tier(host, '--apply')).status, 0);
    });

    await t.test(
      'another folder of the server as the base: left to a person, who says that it is right',
      async () => {
        await box.server.runOk(['cp', '-a', SERVED + '/jobs', '/tmp/jobs']);
        await box.server.runOk(['mkdir', '-p', `${SERVED}/other`]);
        await box.server.runOk(['mv', '/tmp/jobs', `${SERVED}/other/jobs`]);
        await box.server.runOk(['chown', '-R', 'storage:', `${SERVED}/other`]);
        await mountAnew(box, 'other');
        const left = await tier(host, '--apply');
        assert.deepEqual(
          [left.status, kinds(left), codes(left)],
          [3, [], ['other_archive']],
          JSON.stringify(left),
        );
        const recovery = await recover(host, ['--apply', '--force-without-sentinel', '--rearm']);
        assert.ok(
          recovery.answer.refusals.some(({ code }) => code === 'other_archive'),
          JSON.stringify(recovery.answer),
        );
        const accepted = await tier(host, '--apply', '--accept-new-archive', hot(PLACE));
        assert.deepEqual([accepted.status, codes(accepted)], [0, []], JSON.stringify(accepted));
        await host.runOk(['umount', hot(PLACE)]);
        assert.equal((await tier(host, '--apply')).status, 0, 'said once');
      },
    );

    await t.test(
      'a mount inside the output directory swallows nothing: the crawl does not begin, and status names it',
      async () => {
        const inside = `${hot(PLACE)}/warcs`;
        await host.runOk(['mkdir', '-p', inside], { user: 'healtharchive' });
        await stackTmpfs(host, inside);
        await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
        const refused = await waitFor(
          'the attempt to be refused',
          async () => {
            const { status, last_error: error } = await storedJob(host, id);
            return status === 'retryable' && error?.includes('warcs') === true && error;
          },
          30_000,
        );
        assert.match(String(refused), /warcs in it lies on another mount \(tmpfs/);
        assert.equal(await host.runOk(['ls', inside]), '');
        const { exit, answer } = await storageStatus(host);
        assert.deepEqual([exit, answer.hot_paths[0]?.foreign_mounts], [3, [inside]]);
        const page = await installation.cli('storage', 'status');
        assert.match(page.stdout, /FOREIGN MOUNT: /);
      },
    );

    await t.test('a second local disk that is gone: its job is not crawled onto the root disk', async () => {
      await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 90_000 });
      const disk = hot('disk');
      await host.runOk(
        `mkdir -p /mnt/second ${disk} && mount -t tmpfs -o mode=777 second /mnt/second && mount --bind /mnt/second ${disk}`,
      );
      const output = `${disk}/x`;
      const second = await addJob(installation, 'second', output);
      await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
      await waitFor(
        'pages on it',
        async () => ((await storedJob(host, second)).progress?.bytes ?? 0) > 0,
        30_000,
      );
      await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 90_000 });
      await host.runOk(['umount', disk]);
      await host.runOk(['chmod', '777', disk]);

      await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
      const isParked = async () => (await storedJob(host, second)).parked_reason === 'missing';
      await waitFor('the job to be parked', isParked, 30_000);
      assert.equal(await host.runOk(['ls', disk]), '');
      assert.match(
        (await installation.cli('storage', 'status')).stdout,
        /MISSING[^]*disk\/x[^]*the disk at \S+ which is not mounted/,
      );

      await host.runOk(['mount', '--bind', '/mnt/second', disk]);
      await waitFor('the crawl', async () => (await storedJob(host, second)).status === 'running', 30_000);
      await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 90_000 });
    });

    await t.test(
      'an output directory that was removed is not "not made yet", until a person says that it is right',
      async () => {
        const output = `${hot('disk')}/x`;
        await host.runOk(['rm', '-r', output]);
        const seen = await storageStatus(host);
        const path = seen.answer.hot_paths.find((each) => each.path === output);
        assert.deepEqual([seen.exit, path?.state], [3, 'missing'], path?.reason);
        assert.match(path?.reason ?? '', /has archived there, and the directory is gone/);
        const accepted = await tier(host, '--apply', '--accept-new-archive', output);
        assert.deepEqual(
          accepted.plan.steps.map(({ kind, path: at, outcome }) => [kind, at, outcome]),
          [['accept', output, 'done']],
          JSON.stringify(accepted),
        );
        const after = (await storageStatus(host)).answer.hot_paths.find((each) => each.path === output);
        assert.deepEqual([after?.state, after?.reason.startsWith('not made yet')], ['healthy', true]);
      },
    );
  });
});
