/** What dead storage costs a crawl: nothing of what it had, and no more than its last second. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { bindHotPath, COLD_ROOT, JOBS_ROOT } from '../../lab/hot-path.ts';
import { install, shippedUnit, WORKER_UNIT } from '../../lab/installation.ts';
import { addJob, addSite, hitsOfSite, storedJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { sitePaths } from '../../lab/site.ts';
import { BASE } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { SENTINEL } from './recovery-lab.ts';
import { MANIFEST } from './storage-lab.ts';
import { withLab } from './with-lab.ts';

const RECOVERY = 'healtharchive-storage-hotpath-auto-recover';
const pages = 160;

test(
  'the base is killed at half time: the next attempt gets the other half',
  { skip: labUnavailable(['sqlite3']) },
  async (t) => {
    await withLab({}, async ({ host, box }) => {
      await bindHotPath(host, 'hc');
      await host.writeFile(MANIFEST, `${COLD_ROOT}/hc ${JOBS_ROOT}/hc\n`);
      const installation = await install(host, '[worker]\npoll_seconds = 1\nmin_free_percent = 1\n');
      await host.writeFile(SENTINEL, '');
      for (const kind of ['service', 'timer', 'path'])
        await host.installUnit(`${RECOVERY}.${kind}`, shippedUnit(`${RECOVERY}.${kind}`));
      await host.runOk(['systemctl', 'start', `${RECOVERY}.timer`, `${RECOVERY}.path`]);
      await addSite(host, installation, { pages, delayMs: 100 });
      const id = await addJob(installation, 'hc', `${JOBS_ROOT}/hc`);
      await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
      const isHalf = async () => (await hitsOfSite(host)).length > pages / 4;
      await waitFor('half of the crawl', isHalf, 60_000);
      await killSshfs(host, BASE);
      const isOver = async () => (await storedJob(host, id)).status === 'completed';
      await waitFor('the crawl to complete', isOver, 90_000);
      assert.equal((await storedJob(host, id)).attempts, 2);

      const hits = (await hitsOfSite(host)).filter((hit) => !hit.endsWith('/robots.txt'));
      const twice = hits.length - new Set(hits).size;
      t.diagnostic(`${twice} of ${hits.length} requests were made twice`);
      // A page every 100 ms, and the crawl notices at its next write.
      assert.ok(twice <= 5, `${twice} of ${hits.length} requests were made twice`);
      const warcs = '/home/storage/files/jobs/hc/warcs';
      // Of the file that was being written when the storage died, what is whole.
      const heads = await box.server.runOk(
        `for file in ${warcs}/*.warc.gz; do zcat $file 2>/dev/null | grep -a ^WARC-Target-URI; done`,
      );
      const archived = new Set(
        heads.split(/\r?\n/).map((line) => decodeURI(line.slice('WARC-Target-URI: '.length))),
      );
      const wanted = sitePaths({ pages, address: '127.0.0.1', port: 8001 }).filter(({ path }) =>
        /^\/en\/.*page-\d+\.html$/.test(path),
      );
      assert.deepEqual(
        wanted.filter(({ url }) => !archived.has(url)),
        [],
      );
    });
  },
);
