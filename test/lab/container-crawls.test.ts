/** Crawls in rootless containers, by the worker's service. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CRAWLER_IMAGE, importCrawlerImage } from '../../lab/container-image.ts';
import type { Host } from '../../lab/host.ts';
import { WORKER_UNIT, type Installation } from '../../lab/installation.ts';
import { addJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { hostWithSite, isCompleted, until } from './worker-host.ts';

describe(
  'container crawls',
  { skip: labUnavailable(['podman', 'crun', 'busybox', 'wget', 'sqlite3']) },
  () => {
    let host: Host;
    let installation: Installation;
    before(async () => {
      // By its path: busybox's shell has a wget of its own. Status 8 means that some pages had an error status: for a container, success is 0.
      const crawl =
        '/usr/bin/wget -q -r -l inf --delete-after -P /tmp --warc-file={output}/{attempt} --warc-cdx {seeds}';
      const arguments_ = ['sh', '-c', `${crawl} || test $? -eq 8`];
      const crawler = `[crawler]\nkind = "container"\nengine = "podman"\nimage = "${CRAWLER_IMAGE}"\npreset = ${JSON.stringify(arguments_)}`;
      ({ host, installation } = await hostWithSite(
        'containers',
        `[worker]\npoll_seconds = 0.5\nmin_free_percent = 1\nstop_grace_seconds = 3\n${crawler}`,
        40,
        150,
      ));
      await importCrawlerImage(host, ['healtharchive']);
      await host.installUnit(`${WORKER_UNIT}.d/limits.conf`, '[Service]\nLimitNPROC=4096\n');
      await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
    });
    after(() => host.close());

    async function containers(): Promise<string[]> {
      const names = await host.runOk(['podman', 'ps', '--all', '--format', '{{.Names}}'], {
        user: 'healtharchive',
      });
      return names.split('\n').filter((name) => name !== '');
    }

    test('a crawl in a container ends in WARC files with the names of its attempt', async () => {
      const id = await addJob(installation, 'contained');
      await waitFor(
        'its container',
        async () => (await containers()).includes(`healtharchive-${id}-001`),
        30_000,
      );
      const done = await until(host, id, 'to be over', (seen) =>
        ['completed', 'failed'].includes(seen.status),
      );
      assert.equal(done.status, 'completed', done.last_error ?? '');
      const files = await host.runOk(['ls', `${done.output_dir}/warcs`]);
      assert.match(files, new RegExp(`^${id}-001-\\S*\\.warc\\.gz$`, 'm'));
      assert.deepEqual(await containers(), []);
    });

    test('cancel ends the container', async () => {
      const id = await addJob(installation, 'cancelled');
      await waitFor(
        'its container',
        async () => (await containers()).includes(`healtharchive-${id}-001`),
        30_000,
      );
      await installation.json('jobs', 'cancel', String(id));
      await until(host, id, 'to be cancelled', (seen) => seen.status === 'cancelled');
      await waitFor('the container to be gone', async () => (await containers()).length === 0, 20_000);
    });

    test('kill -9 of the worker: no second container beside the first, and the job completes', async () => {
      const id = await addJob(installation, 'killed');
      await waitFor(
        'its container',
        async () => (await containers()).includes(`healtharchive-${id}-001`),
        30_000,
      );
      await host.runOk(['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', WORKER_UNIT]);
      const done = await until(host, id, 'to complete', isCompleted);
      assert.equal(done.attempts, 2);
    });

    test('an image that is not there is a configuration error that names it', async () => {
      await host.runOk(
        `sed -i 's|^image = .*|image = "localhost/no-such-image:1"|' /etc/healtharchive/config.toml`,
      );
      await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
      const id = await addJob(installation, 'no image');
      const failed = await until(host, id, 'to fail', (seen) => seen.status === 'failed');
      assert.equal(failed.crawler_status, 'config_error');
      assert.match(failed.last_error ?? '', /image/);
    });
  },
);
