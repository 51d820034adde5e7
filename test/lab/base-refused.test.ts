/** Why the storage box is not mounted, or not as it should be, in the words of `storage status`: what a state alone does not tell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stackBind } from '../../lab/faults/mounts.ts';
import { dropServer, restoreServer } from '../../lab/faults/server.ts';
import { install } from '../../lab/installation.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT, mountBase } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { withLab } from './with-lab.ts';

interface Status {
  readonly base: {
    readonly state: string;
    readonly reason: string;
    readonly mount: { readonly layers: number } | null;
  };
  readonly refused_units: readonly {
    readonly unit: string;
    readonly obstacle: string;
    readonly line: string;
  }[];
}

const MAKE_HOST_KEY =
  'rm -f /etc/lab-sshd/host_key* && ssh-keygen -q -t ed25519 -N "" -f /etc/lab-sshd/host_key';
const SOON_MS = 20_000;

test('why the storage box is not mounted', { skip: labUnavailable() }, async (t) => {
  await withLab({ mounted: false, serverAliveSeconds: 4 }, async ({ host, box }) => {
    await install(host, '');
    const status = async (): Promise<Status> =>
      JSON.parse((await host.run(['healtharchive', 'storage', 'status', '--json'])).stdout) as Status;
    const page = async (): Promise<string> => (await host.run(['healtharchive', 'storage', 'status'])).stdout;
    const refused = async (obstacle: string): Promise<Status> =>
      await waitFor(
        `${obstacle} to be told`,
        async () => {
          const now = await status();
          return now.refused_units[0]?.obstacle === obstacle ? now : null;
        },
        SOON_MS,
      );

    await t.test('a base path that is a link, or leads through one, is refused with a sentence', async () => {
      for (const [make, undo] of [
        [`mv ${BASE} ${BASE}-real && ln -s ${BASE}-real ${BASE}`, `rm ${BASE} && mv ${BASE}-real ${BASE}`],
        [
          'mv /srv/healtharchive /srv/real && ln -s /srv/real /srv/healtharchive',
          'rm /srv/healtharchive && mv /srv/real /srv/healtharchive',
        ],
      ] as const) {
        await host.runOk(make);
        await host.runOk(['systemctl', 'start', '--no-block', BASE_UNIT]);
        const told = await refused('mount_point');
        assert.match(told.refused_units[0]?.line ?? '', /is a symbolic link/);
        assert.match(await page(), /^MOUNT POINT: [^]*is a symbolic link/m);
        assert.equal(host.mountInfo().filter(({ fstype }) => fstype === 'fuse.sshfs').length, 0);
        await host.run(['systemctl', 'stop', BASE_UNIT]);
        await host.runOk(undo);
        await host.runOk(['journalctl', '--rotate', '--vacuum-time=1s', '--quiet']);
      }
    });

    await t.test('two layers on the base are shown', async () => {
      await mountBase(box);
      await stackBind(host, BASE, BASE);
      const { base } = await status();
      assert.deepEqual([base.state, base.mount?.layers], ['healthy', 2], base.reason);
      assert.match(await page(), /2 mounts are stacked here/);
      await host.runOk(['umount', BASE]);
    });

    await t.test('a server that is away heals by itself', async () => {
      await dropServer(box);
      const away = await waitFor(
        'the base to be degraded',
        async () => {
          const now = await status();
          return now.base.state === 'degraded' ? now : null;
        },
        SOON_MS,
      );
      assert.deepEqual(away.refused_units, []);
      assert.match(await page(), /DEGRADED: [^.]*it heals by itself when the server is back/);
    });

    await t.test('one that shows another host key does not, and that is said', async () => {
      await box.server.runOk(MAKE_HOST_KEY);
      await restoreServer(box);
      await refused('host_key_changed');
      const said = await page();
      assert.match(said, /^HOST KEY CHANGED: [^]*does\s+not heal by itself/m);
      assert.doesNotMatch(said, /it heals by itself/);
    });

    await t.test('nor one that does not let us in', async () => {
      const key = `[storagebox]:23 ${await box.server.hostKey()}\n`;
      await host.writeFile('/etc/healtharchive/storagebox_known_hosts', key);
      await box.server.runOk(['mv', '/home/storage/.ssh/authorized_keys', '/home/storage/.ssh/away']);
      await refused('login_refused');
      await box.server.runOk(['mv', '/home/storage/.ssh/away', '/home/storage/.ssh/authorized_keys']);
      const isWell = async () => (await status()).base.state === 'healthy';
      await waitFor('the base to be healthy again', isWell, SOON_MS);
      assert.deepEqual((await status()).refused_units, []);
    });
  });
});
