/** What ops/systemd/healtharchive-storagebox-sshfs.service promises, kept under real systemd with real sshfs. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { stackBind, stackTmpfs } from '../../lab/faults/mounts.ts';
import { dropServer, freezeSshd, restoreServer, thawSshd } from '../../lab/faults/server.ts';
import { allowRestart, freezeSshfs, killSshfs } from '../../lab/faults/sshfs.ts';
import { bindHotPath } from '../../lab/hot-path.ts';
import type { Host } from '../../lab/host.ts';
import { shippedUnit, WORKER_UNIT } from '../../lab/installation.ts';
import { probe } from '../../lab/probe.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT, mountBase } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { withLab } from './with-lab.ts';

const UNITS = join(import.meta.dirname, '../../ops/systemd');
const RECOVERY_UNIT = 'healtharchive-storage-hotpath-auto-recover.service';
const RESTART_SEC_MS = 1000;
/** What a restart takes beyond its pause, with slack for a machine that does much else. */
const SOON_MS = 5000;
/** TimeoutStopSec= twice (the stop commands, sshfs itself), and slack. */
const STOP_LIMIT_MS = 15_000;

/** Until the unit is active; then its mount must answer at once. Returns how long it took. */
async function untilStarted(host: Host, limitMs: number): Promise<number> {
  const begin = performance.now();
  try {
    await waitFor(
      'the base to be active',
      async () => (await host.activeState(BASE_UNIT)) === 'active',
      limitMs,
    );
  } catch (error) {
    throw new Error(`${String(error)}\n${await host.journal(BASE_UNIT)}`, { cause: error });
  }
  const ms = Math.round(performance.now() - begin);
  assert.equal(await probe(host, 'lookup', BASE), 'ENOENT');
  assert.equal(host.mountsOn(BASE).length, 1);
  return ms;
}

/** What the unit is, looked at again and again for a while. */
async function statesFor(host: Host, ms: number): Promise<Set<string>> {
  const seen = new Set<string>();
  const end = performance.now() + ms;
  while (performance.now() < end) seen.add(await host.activeState(BASE_UNIT));
  return seen;
}

// Most of the time is spent waiting, so two at once.
describe('the base unit', { skip: labUnavailable(), concurrency: 2 }, () => {
  test('is sound to systemd-analyze, like every unit that users get', () =>
    withLab({ mounted: false }, async ({ host }) => {
      const names = readdirSync(UNITS).filter((name) => /\.(service|timer|path|mount)$/.test(name));
      assert.ok(names.includes(BASE_UNIT));
      for (const name of names) await host.installUnit(name, shippedUnit(name));
      const paths = names.map((name) => `/etc/systemd/system/${name}`);
      const { status, stdout, stderr } = await host.run(['systemd-analyze', 'verify', '--man=no', ...paths]);
      assert.deepEqual([status, stdout, stderr], [0, '', '']);
    }));

  test('is private, though everything around it is shared: what is mounted in a bind of it stays there', () =>
    withLab({}, async ({ host }) => {
      assert.notDeepEqual(host.mountsOn('/')[0]?.propagation, []);
      assert.deepEqual(host.mountsOn(BASE)[0]?.propagation, []);
      const [cold, hot] = [`${BASE}/jobs/hc-2026`, '/srv/healtharchive/jobs/hc-2026'];
      await host.runOk(`mkdir -p ${cold}/nested ${hot} && mount --bind ${cold} ${hot}`);
      await host.runOk(`mount -t tmpfs none ${hot}/nested`);
      assert.equal(host.mountsOn(`${hot}/nested`).length, 1);
      assert.equal(host.mountsOn(`${cold}/nested`).length, 0);
    }));

  test('comes back after kill -9, answers, and the dead mount is gone; its binds stay dead', (t) =>
    withLab({}, async ({ host }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      const times: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        await killSshfs(host, BASE);
        await waitFor(
          'the unit to notice',
          async () => (await host.activeState(BASE_UNIT)) !== 'active',
          SOON_MS,
        );
        times.push(await untilStarted(host, RESTART_SEC_MS + SOON_MS));
        assert.deepEqual(host.mountsOn(BASE)[0]?.propagation, []);
      }
      assert.equal(await host.unitProperty(BASE_UNIT, 'NRestarts'), '3');
      assert.equal(await probe(host, 'lookup', hot), 'ENOTCONN');
      t.diagnostic(`active and answering ${times.join(', ')} ms after it was seen dead`);
    }));

  test('takes whatever is left of dead mounts away before it starts, several layers and a busy one included', () =>
    withLab({}, async ({ host, box }) => {
      const user = host.start('echo in; exec sleep infinity', { cwd: BASE });
      await waitFor('the base to be in use', () => user.stdout() === 'in\n', SOON_MS);
      await killSshfs(host, BASE, { keepDown: BASE_UNIT });
      // As in the first second after a death, when another sshfs can still be started on top (storage-facts F9).
      const other = '/srv/healtharchive/other';
      await host.runOk(['mkdir', other]);
      await host.runOk(['sshfs', box.source, other, '-o', box.sshfsOptions]);
      await stackBind(host, other, BASE);
      await killSshfs(host, other);
      assert.equal(host.mountsOn(BASE).length, 2);
      await allowRestart(host, BASE_UNIT);
      await mountBase(box);
      assert.equal(host.mountsOn(BASE).length, 1);
      user.kill('SIGKILL');
    }));

  test('does not touch what is no FUSE mount, and says what is in the way', () =>
    withLab({ mounted: false }, async ({ host }) => {
      await stackTmpfs(host, BASE);
      await host.runOk(['systemctl', 'start', '--no-block', BASE_UNIT]);
      await waitFor(
        'the reason in the journal',
        async () => (await host.journal(BASE_UNIT)).includes(`${BASE} is mounted already, as tmpfs`),
        SOON_MS,
      );
      assert.deepEqual(
        host.mountsOn(BASE).map(({ fstype }) => fstype),
        ['tmpfs'],
      );
      await host.runOk(['umount', BASE]);
      await untilStarted(host, RESTART_SEC_MS + SOON_MS);
    }));

  test('is not started while the server refuses connections, and is soon after it no longer does', (t) =>
    withLab({ mounted: false }, async ({ host, box }) => {
      await dropServer(box);
      await host.runOk(['systemctl', 'start', '--no-block', BASE_UNIT]);
      assert.equal((await statesFor(host, 6000)).has('active'), false);
      assert.ok(Number(await host.unitProperty(BASE_UNIT, 'NRestarts')) >= 2, 'it goes on trying');
      await restoreServer(box);
      t.diagnostic(`active ${await untilStarted(host, RESTART_SEC_MS + SOON_MS)} ms after the server`);
    }));

  test('is not started while the server is frozen, however long, and is soon after it no longer is', (t) =>
    withLab({ mounted: false }, async ({ host, box }) => {
      await freezeSshd(box);
      await host.runOk(['systemctl', 'start', '--no-block', BASE_UNIT]);
      // Longer than an attempt: the first one is given up, with its lookup that hung.
      assert.equal((await statesFor(host, 14_000)).has('active'), false);
      assert.ok(Number(await host.unitProperty(BASE_UNIT, 'NRestarts')) >= 1, 'it goes on trying');
      await thawSshd(box);
      t.diagnostic(`active ${await untilStarted(host, RESTART_SEC_MS + SOON_MS)} ms after the thaw`);
    }));

  test('outlives a server that goes and comes back, or freezes and thaws: the same sshfs goes on', () =>
    withLab({ serverAliveSeconds: 1, serverAliveCount: 2 }, async ({ host, box }) => {
      const pid = await host.unitProperty(BASE_UNIT, 'MainPID');
      await dropServer(box);
      assert.equal(await probe(host, 'lookup', BASE), 'EIO');
      await restoreServer(box);
      await waitFor('it to heal', async () => (await probe(host, 'lookup', BASE)) === 'ENOENT', 10_000);
      await freezeSshd(box);
      await waitFor('the keep-alive', async () => (await probe(host, 'lookup', BASE)) === 'EIO', 15_000);
      await thawSshd(box);
      await waitFor('it to heal', async () => (await probe(host, 'lookup', BASE)) === 'ENOENT', 15_000);
      assert.equal(await host.unitProperty(BASE_UNIT, 'MainPID'), pid);
    }));

  for (const [what, freeze] of [
    ['sshfs', ({ host }) => freezeSshfs(host, BASE)],
    ['the server', ({ box }) => freezeSshd(box)],
  ] satisfies [string, (lab: Parameters<Parameters<typeof withLab>[1]>[0]) => Promise<void>][]) {
    test(`can be stopped while ${what} is frozen and somebody hangs on it`, (t) =>
      withLab({ serverAliveSeconds: 60 }, async (lab) => {
        const { host } = lab;
        await freeze(lab);
        const reader = host.start(['ls', `${BASE}/never-seen`]);
        assert.equal(await probe(host, 'lookup', BASE, { timeoutMs: 300 }), 'no answer');
        const begin = performance.now();
        await host.runOk(['systemctl', 'stop', BASE_UNIT], { timeoutMs: STOP_LIMIT_MS });
        t.diagnostic(`stopped in ${Math.round(performance.now() - begin)} ms`);
        await reader.ended;
        assert.deepEqual(host.mountsOn(BASE), []);
        assert.deepEqual(
          host.processes().filter(({ argv, state }) => state === 'D' || argv[0]?.endsWith('sshfs')),
          [],
        );
      }));
  }

  test('stopped, in peace or in use, it leaves no mount and has not failed', (t) =>
    withLab({}, async ({ host, box }) => {
      for (const isInUse of [false, true]) {
        await host.writeFile(`${BASE}/written`, 'x');
        const user = isInUse ? host.start('echo in; exec sleep infinity', { cwd: BASE }) : null;
        await waitFor('the base to be in use', () => !user || user.stdout() === 'in\n', SOON_MS);
        const begin = performance.now();
        await host.runOk(['systemctl', 'stop', BASE_UNIT], { timeoutMs: STOP_LIMIT_MS });
        const how = isInUse ? 'in use' : 'in peace';
        t.diagnostic(`stopped ${how} in ${Math.round(performance.now() - begin)} ms`);
        assert.deepEqual(host.mountsOn(BASE), []);
        assert.equal(await host.activeState(BASE_UNIT), 'inactive', how);
        assert.equal(await host.unitProperty(BASE_UNIT, 'Result'), 'success', how);
        user?.kill('SIGKILL');
        await mountBase(box);
      }
    }));

  test('starts recovery whenever sshfs ends, and does not wait for it', () =>
    withLab({}, async ({ host }) => {
      const stub =
        '[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo run >>/run/recovery; sleep 60"\n';
      await host.installUnit(RECOVERY_UNIT, stub);
      await killSshfs(host, BASE);
      await waitFor('recovery', () => host.exists('/run/recovery'), SOON_MS);
      await untilStarted(host, RESTART_SEC_MS + SOON_MS);
      assert.equal(await host.activeState(RECOVERY_UNIT), 'activating', 'it still runs');
      await host.runOk(['systemctl', 'stop', RECOVERY_UNIT]);
      await host.runOk(['systemctl', 'stop', BASE_UNIT], { timeoutMs: STOP_LIMIT_MS });
      await waitFor(
        'recovery again',
        async () => (await host.readFile('/run/recovery')) === 'run\nrun\n',
        SOON_MS,
      );
    }));

  test('takes nobody along: what is ordered after it, the worker included, goes on', () =>
    withLab({}, async ({ host }) => {
      // The worker's unit as users get it, with something in place of the program that needs no database.
      await host.installUnit(WORKER_UNIT, shippedUnit(WORKER_UNIT));
      const sleeps = '[Service]\nType=exec\nWatchdogSec=0\nExecStart=\nExecStart=/bin/sleep infinity\n';
      await host.installUnit(`${WORKER_UNIT}.d/sleeps.conf`, sleeps);
      const wishes = `[Unit]\nWants=${BASE_UNIT}\nAfter=${BASE_UNIT}\n[Service]\nExecStart=/bin/sleep infinity\n`;
      await host.installUnit('wishes.service', wishes);
      const units = [WORKER_UNIT, 'wishes.service'];
      const pids = () => Promise.all(units.map((unit) => host.unitProperty(unit, 'MainPID')));
      await host.runOk(['systemctl', 'start', ...units]);
      const before = await pids();
      assert.ok(!before.includes('0'));
      await killSshfs(host, BASE);
      await waitFor(
        'the unit to notice',
        async () => (await host.activeState(BASE_UNIT)) !== 'active',
        SOON_MS,
      );
      await untilStarted(host, RESTART_SEC_MS + SOON_MS);
      for (const act of ['restart', 'stop']) {
        await host.runOk(['systemctl', act, BASE_UNIT], { timeoutMs: STOP_LIMIT_MS });
      }
      assert.deepEqual(await pids(), before);
    }));
});
