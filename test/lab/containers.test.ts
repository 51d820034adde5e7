import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { importCrawlerImage, CRAWLER_IMAGE } from '../../lab/container-image.ts';
import { bootHost, type Host } from '../../lab/host.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { waitFor } from '../../lab/wait-for.ts';

describe('podman in a lab host', { skip: labUnavailable(['podman', 'crun', 'busybox']) }, () => {
  let host: Host;
  before(async () => {
    host = await bootHost({ name: 'containers' });
    await importCrawlerImage(host, ['healtharchive']);
  });
  after(() => host.close());

  for (const user of ['root', 'healtharchive']) {
    test(`crawls the site of the lab with the offline image as ${user}`, async () => {
      const port = user === 'root' ? '8001' : '8002';
      const node = '/opt/healtharchive/node_modules/.bin/node';
      const site = host.start([node, '/opt/healtharchive/lab/site.ts', '--pages', '10', '--port', port]);
      await waitFor('the site', () => site.stdout().includes('"url"'), 5000);
      await host.runOk(['mkdir', '/srv/healtharchive/jobs/by-' + user], { user });
      const output = `/srv/healtharchive/jobs/by-${user}:/output`;
      const crawl = [
        'wget',
        '-q',
        '-r',
        '-P',
        '/output',
        '--warc-file=/output/x',
        `http://127.0.0.1:${port}/fr/`,
      ];
      const { status } = await host.run(['podman', 'run', '--rm', '-v', output, CRAWLER_IMAGE, ...crawl], {
        user,
      });
      site.kill('SIGTERM');
      assert.equal(status, 8, 'wget says 8 because of the 404 that is there on purpose');
      const owner = await host.runOk(['stat', '-c', '%U %s', `/srv/healtharchive/jobs/by-${user}/x.warc.gz`]);
      assert.match(owner, new RegExp(`^${user} [1-9]\\d{3,}`));
    });
  }

  test('works from a unit of an ordinary user', async () => {
    await host.installUnit(
      'contained.service',
      `[Service]\nType=oneshot\nUser=healtharchive\nExecStart=podman run --rm ${CRAWLER_IMAGE} echo from a container\n`,
    );
    await host.runOk(['systemctl', 'start', 'contained']);
    assert.match(await host.journal('contained.service'), /from a container/);
  });
});
