/** rclone in place of sshfs, by the shipped drop-in and examples, against the same sshd. What it can't do is a fact here too. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fillBox, freeBox } from '../../lab/faults/box-space.ts';
import { stackTmpfs } from '../../lab/faults/mounts.ts';
import { dropServer, restoreServer } from '../../lab/faults/server.ts';
import { allowRestart, preventRestart } from '../../lab/faults/sshfs.ts';
import { SERVED_FOLDER } from '../../lab/box-server.ts';
import { bindHotPath } from '../../lab/hot-path.ts';
import { bootHost, type Host } from '../../lab/host.ts';
import { probe } from '../../lab/probe.ts';
import { useRclone } from '../../lab/rclone.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT, mountBase, storageBox, type StorageBox } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';

const asWorker = { user: 'healtharchive' };
/** RestartSec=, and what rclone takes to start on a busy machine. */
const BACK_MS = 8000;

describe('the base unit with rclone', { skip: labUnavailable(['rclone']) }, () => {
  let host: Host;
  let box: StorageBox;
  before(async () => {
    host = await bootHost({ name: 'rclone' });
    box = await storageBox(host, { sizeBytes: 8 * 1024 ** 2, mounted: false });
    await useRclone(box);
    await mountBase(box);
  });
  after(async () => {
    await box.close();
    await host.close();
  });

  /** What the product itself says, asked in the host. */
  async function seen(hot: string): Promise<unknown> {
    const program = [
      '/opt/healtharchive/node_modules/.bin/node',
      '/opt/healtharchive/test/lab/observe-base.ts',
    ];
    return JSON.parse(await host.runOk([...program, 'fuse.rclone', hot, 'healtharchive'])) as unknown;
  }

  const onBox = (name: string) => box.server.run(['cat', `${SERVED_FOLDER}/${name}`]);

  async function killRclone(): Promise<void> {
    const pid = await host.unitProperty(BASE_UNIT, 'MainPID');
    await host.runOk(['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', BASE_UNIT]);
    await waitFor('its end', async () => (await host.unitProperty(BASE_UNIT, 'MainPID')) !== pid, BACK_MS);
  }

  async function untilActive(): Promise<void> {
    const isActive = async () => (await host.activeState(BASE_UNIT)) === 'active';
    await waitFor('the unit to be active', isActive, BACK_MS);
  }

  test('mounts, privately, and is healthy and writable to the product', async () => {
    const [mount] = host.mountsOn(BASE);
    assert.deepEqual([mount?.fstype, mount?.propagation], ['fuse.rclone', []]);
    const hot = await bindHotPath(host, 'hc-2026');
    assert.deepEqual(await seen(hot), { base: 'healthy', hot: 'healthy', write: 'ok' });
  });

  test('killed it is dead, is started again, and its binds stay dead', async (t) => {
    const hot = await bindHotPath(host, 'killed');
    await preventRestart(host, BASE_UNIT);
    await killRclone();
    assert.equal(await probe(host, 'lookup', BASE), 'ENOTCONN');
    assert.deepEqual(await seen(hot), { base: 'dead', hot: 'dead', write: 'error' });
    await allowRestart(host, BASE_UNIT);
    await mountBase(box);

    const begin = performance.now();
    await killRclone();
    await untilActive();
    t.diagnostic(`active ${Math.round(performance.now() - begin)} ms after SIGKILL`);
    assert.equal(await probe(host, 'lookup', BASE), 'ENOENT');
    assert.equal(host.mountsOn(BASE).length, 1);
    assert.equal(await probe(host, 'lookup', hot), 'ENOTCONN');
  });

  test('what a killed rclone had not uploaded is on the local disk, and uploaded by the next one', async () => {
    // In one breath, so that it has no time to upload.
    const kill = `systemctl kill --kill-whom=main --signal=KILL ${BASE_UNIT}`;
    await host.runOk(`echo precious >${BASE}/late && sync ${BASE}/late && ${kill}`);
    assert.notEqual((await onBox('late')).status, 0, 'synced, and not on the box');
    await waitFor(
      'it to arrive',
      async () => (await onBox('late')).stdout === 'precious\n',
      BACK_MS + 10_000,
    );
    await untilActive();
  });

  test('a file that is still open is not on the box at all', async () => {
    const writer = host.start(`exec 3>${BASE}/open; echo part >&3; sync ${BASE}/open; echo synced; cat`, {
      holdInput: true,
      ...asWorker,
    });
    await waitFor('the part to be written', () => writer.stdout() === 'synced\n', 5000);
    // Longer than any of its times.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.notEqual((await onBox('open')).stdout, 'part\n');
    writer.kill('SIGTERM');
    await waitFor('it to arrive once closed', async () => (await onBox('open')).stdout === 'part\n', 15_000);
  });

  test('a server that is gone looks well for --dir-cache-time, then is EIO; it heals by itself', async () => {
    assert.equal(await probe(host, 'lookup', BASE), 'ENOENT');
    await dropServer(box);
    assert.equal(await probe(host, 'lookup', BASE), 'ENOENT');
    await waitFor('EIO', async () => (await probe(host, 'lookup', BASE)) === 'EIO', 10_000);
    await restoreServer(box);
    await waitFor('it to heal', async () => (await probe(host, 'lookup', BASE)) === 'ENOENT', 10_000);
  });

  test('a full box is not seen by writing: the cache takes the bytes, and the error is only in the journal', async () => {
    await fillBox(box);
    assert.equal(await probe(host, 'write', BASE, asWorker), 'ok');
    await host.runOk(`head -c 1M /dev/zero >${BASE}/too-much && sync ${BASE}/too-much`, asWorker);
    const isSaid = async () => /too-much.*[Ff]ailed to (copy|upload)/.test(await host.journal(BASE_UNIT));
    await waitFor('rclone to say so', isSaid, 20_000);
    await freeBox(box);
  });

  test('stopped, in peace or in use, it leaves no mount and has not failed', async () => {
    for (const isInUse of [false, true]) {
      const user = isInUse ? host.start('echo in; exec sleep infinity', { cwd: BASE }) : null;
      await waitFor('the base to be in use', () => !user || user.stdout() === 'in\n', 5000);
      await host.runOk(['systemctl', 'stop', BASE_UNIT], { timeoutMs: 15_000 });
      assert.deepEqual(host.mountsOn(BASE), []);
      assert.equal(await host.unitProperty(BASE_UNIT, 'Result'), 'success', isInUse ? 'in use' : 'in peace');
      user?.kill('SIGKILL');
      await mountBase(box);
    }
  });

  test('what is no FUSE mount is left in its place, and nothing is mounted over it', async () => {
    await host.runOk(['systemctl', 'stop', BASE_UNIT], { timeoutMs: 15_000 });
    await stackTmpfs(host, BASE);
    await host.runOk(['systemctl', 'start', '--no-block', BASE_UNIT]);
    const isRefused = async () =>
      (await host.journal(BASE_UNIT)).includes(`${BASE} is mounted already, as tmpfs`);
    await waitFor('the reason in the journal', isRefused, BACK_MS);
    // Tried again in the meantime: a refusal that counted as a start would show by then.
    const tries = async () => Number(await host.unitProperty(BASE_UNIT, 'NRestarts'));
    await waitFor('another try', async () => (await tries()) >= 2, BACK_MS);
    assert.deepEqual(
      host.mountsOn(BASE).map(({ fstype }) => fstype),
      ['tmpfs'],
    );
    await host.runOk(['umount', BASE]);
    await untilActive();
  });
});
