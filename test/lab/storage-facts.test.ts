// What dead storage really looks like: each fault as the lab makes it, and what a program in the host then sees.
// The numbers are those of the table in docs/lab.md. If a kernel or an sshfs to come behaves differently, it shows here.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dropServer, freezeSshd, restoreServer, thawSshd } from '../../lab/faults/server.ts';
import { killSshfs, preventRestart, sshfsOf } from '../../lab/faults/sshfs.ts';
import { stackBind, unmountBehindTheBack } from '../../lab/faults/mounts.ts';
import { abortFuse, fuseWaiting, hasFuseConnection } from '../../lab/fuse.ts';
import { bindHotPath } from '../../lab/hot-path.ts';
import type { Host } from '../../lab/host.ts';
import type { MountEntry } from '../../lab/mount-info.ts';
import { probe } from '../../lab/probe.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT, mountBase } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { withLab } from './with-lab.ts';

const NOBODY_RESTARTS = { keepDown: BASE_UNIT };
/** Far beyond the length of a test: only thawing or aborting ends a hang. */
const PATIENT = { serverAliveSeconds: 60 };
/** A frozen server is given up after 2 s. */
const IMPATIENT = { serverAliveSeconds: 1, serverAliveCount: 2 };

function topmost(host: Host, path: string): MountEntry {
  const entry = host.mountsOn(path).at(-1);
  assert.ok(entry, `nothing is mounted on ${path}`);
  return entry;
}

/** What recovery is built on first of all. The others are as true, and change with kernel and sshfs only: `script/test --full`. */
const always = ['F1', 'F7', 'F8', 'F10', 'F11'];
const isFull = process.env['HEALTHARCHIVE_TEST_FULL'] === '1';

function fact(name: string, body: () => Promise<void>): void {
  if (isFull || always.includes(name.replace(/[:,].*/, ''))) test(name, body);
}

// Most of the time is spent waiting for sshfs, so two at once.
describe('storage facts', { skip: labUnavailable(), concurrency: 2 }, () => {
  fact('F1: of a killed sshfs the mount stays, stat answers from cache, then everything is ENOTCONN', () =>
    withLab({}, async ({ host, box }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      let before = host.mountInfo();
      await preventRestart(host, BASE_UNIT);
      // In one breath: the attribute cache holds for about a second. A machine too busy for that has shown nothing.
      for (let tries = 1; ; tries++) {
        const begin = performance.now();
        const { innerPid } = sshfsOf(host, BASE);
        const { status } = await host.run(`stat ${BASE} && kill -9 ${innerPid} && sleep 0.1 && stat ${BASE}`);
        if (status === 0) break;
        assert.ok(performance.now() - begin > 900 && tries < 5, 'the cache did not answer');
        await host.runOk(['umount', '--lazy', hot]);
        await mountBase(box);
        await bindHotPath(host, 'hc-2026');
        before = host.mountInfo();
      }
      assert.equal(await probe(host, 'readdir', BASE), 'ENOTCONN');
      assert.equal(await probe(host, 'lookup', hot), 'ENOTCONN');
      for (const path of [BASE, hot]) {
        await waitFor(`stat of ${path}`, async () => (await probe(host, 'stat', path)) === 'ENOTCONN', 3000);
      }
      assert.deepEqual(host.mountInfo(), before);
      assert.equal(await fuseWaiting(host, topmost(host, hot)), 0, 'F18: fusectl is no evidence of a death');
    }),
  );

  fact('F2: without its server sshfs answers from cache, a fresh lookup is EIO, and it heals by itself', () =>
    withLab({}, async ({ host, box }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      assert.equal(await probe(host, 'readdir', hot), 'ok');
      await dropServer(box);
      assert.equal(await probe(host, 'lookup', hot), 'EIO');
      assert.equal(await probe(host, 'stat', hot), 'ok', 'from cache');
      assert.equal(await probe(host, 'lookup', hot), 'EIO', 'and still not ENOTCONN');
      await restoreServer(box);
      await waitFor('it to heal', async () => (await probe(host, 'lookup', hot)) === 'ENOENT', 10_000);
      assert.equal(await probe(host, 'write', hot, { user: 'healtharchive' }), 'ok');
    }),
  );

  fact('F3: of a frozen server callers hang in state D until the keep-alive gives up', () =>
    withLab(IMPATIENT, async ({ host, box }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      await freezeSshd(box);
      assert.equal(await probe(host, 'lookup', hot, { timeoutMs: 300 }), 'no answer');
      assert.ok((await fuseWaiting(host, topmost(host, hot))) > 0);
      const stuck = host.processes().find(({ argv }) => argv.includes(hot));
      assert.equal(stuck?.state, 'D', 'it was sent SIGKILL, and is still there');
      await waitFor(
        'the keep-alive to give up',
        async () => (await probe(host, 'lookup', hot)) === 'EIO',
        10_000,
      );
      await thawSshd(box);
      await waitFor('it to heal', async () => (await probe(host, 'lookup', hot)) === 'ENOENT', 10_000);
    }),
  );

  fact('F5, F6: unmounting frees nobody who hangs, aborting does', () =>
    withLab(PATIENT, async ({ host, box }) => {
      const entry = topmost(host, BASE);
      await freezeSshd(box);
      const reader = host.start(['ls', `${BASE}/never-seen`]);
      await waitFor('the reader to hang', async () => (await fuseWaiting(host, entry)) > 0, 3000);
      assert.equal((await host.run(['umount', '-c', BASE])).status, 32);
      assert.equal((await host.run(['umount', '-c', '-l', BASE])).status, 0);
      assert.ok((await fuseWaiting(host, entry)) > 0);

      await host.runOk(['systemctl', 'mask', '--runtime', BASE_UNIT]);
      const begin = performance.now();
      await abortFuse(host, entry);
      await reader.ended;
      assert.ok(performance.now() - begin < 1000);
      assert.match(reader.stderr(), /connection abort|not connected/);
    }),
  );

  fact('F6: an aborted mount is a dead one', () =>
    withLab(PATIENT, async ({ host, box }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      await freezeSshd(box);
      await abortFuse(host, topmost(host, hot));
      assert.equal(await probe(host, 'lookup', hot), 'ENOTCONN');
    }),
  );

  fact('F7: a base mounted again has a new minor; its old binds stay dead on the old one', () =>
    withLab({}, async ({ host, box }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      const before = topmost(host, BASE);
      await killSshfs(host, BASE);
      await waitFor(
        'the unit to mount the base again',
        () => topmost(host, BASE).device !== before.device,
        10_000,
      );
      await waitFor('it to be active', async () => (await host.activeState(box.unit)) === 'active', 10_000);
      assert.equal(await probe(host, 'lookup', BASE), 'ENOENT');
      assert.equal(await probe(host, 'lookup', hot), 'ENOTCONN');
      assert.equal(topmost(host, hot).device, before.device);
    }),
  );

  fact('F8: a bind over a dead one works, but one umount pops the good layer', () =>
    withLab({}, async ({ host, box }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      await killSshfs(host, BASE, NOBODY_RESTARTS);
      await mountBase(box);
      await stackBind(host, `${BASE}/jobs/hc-2026`, hot);
      assert.equal(host.mountsOn(hot).length, 2);
      assert.equal(await probe(host, 'lookup', hot), 'ENOENT');
      await host.runOk(['umount', '-c', hot]);
      assert.equal(await probe(host, 'lookup', hot), 'ENOTCONN');
    }),
  );

  fact('F9: sshfs does not start over a dead base', () =>
    withLab({}, async ({ host, box }) => {
      await killSshfs(host, BASE, NOBODY_RESTARTS);
      // Asked as sshfs asks, by stat(2): Node's statx asks for more than the cache holds, and learns it sooner.
      await waitFor(
        'the cache to end',
        async () => (await host.run(['test', '-d', BASE])).status === 1,
        3000,
      );
      const { status, stderr } = await host.run(['sshfs', box.source, BASE, '-o', box.sshfsOptions]);
      assert.notEqual(status, 0);
      assert.match(stderr, /not connected|failed to access/i);
    }),
  );

  fact('F10: a base unmounted by fusermount3 keeps its binds alive, until its sshfs dies', () =>
    withLab({}, async ({ host }) => {
      const hot = await bindHotPath(host, 'hc-2026');
      const sshfs = sshfsOf(host, BASE);
      await host.runOk(['fusermount3', '-u', BASE]);
      assert.deepEqual(host.mountsOn(BASE), []);
      assert.equal(sshfsOf(host, BASE).pid, sshfs.pid);
      assert.equal(await probe(host, 'write', hot, { user: 'healtharchive' }), 'ok');
      await killSshfs(host, BASE, NOBODY_RESTARTS);
      assert.equal(await probe(host, 'lookup', hot), 'ENOTCONN');
    }),
  );

  fact('F11: a base that is not mounted is a readable local directory, and binding from it succeeds', () =>
    withLab({ mounted: false }, async ({ host }) => {
      assert.equal(await probe(host, 'stat', BASE), 'ok');
      assert.equal(await probe(host, 'readdir', BASE), 'ok');
      const hot = await bindHotPath(host, 'hc-2026');
      assert.equal(topmost(host, hot).fstype, 'overlay', 'the root disk of the host');
      assert.equal(await probe(host, 'write', hot), 'ok');
    }),
  );

  fact('F12: after a lazy unmount with an open file only fusectl still knows the sshfs', () =>
    withLab({}, async ({ host }) => {
      await host.writeFile(`${BASE}/open`, 'x');
      const entry = topmost(host, BASE);
      const reader = host.start(`exec 3<${BASE}/open; echo open; read never`, { holdInput: true });
      await waitFor('the file to be open', () => reader.stdout() === 'open\n', 3000);
      await unmountBehindTheBack(host, BASE);
      assert.deepEqual(host.mountsOn(BASE), []);
      const { pid } = sshfsOf(host, BASE);
      assert.equal(await hasFuseConnection(host, entry), true);
      reader.kill('SIGKILL');
      await waitFor('sshfs to end', () => host.processes().every((each) => each.pid !== pid), 5000);
    }),
  );

  fact('F13: umount says 32 for busy and for not mounted alike', () =>
    withLab({}, async ({ host }) => {
      assert.equal((await host.run(['umount', '-c', '/srv/healtharchive/jobs'])).status, 32);
      const user = host.start(['sleep', 'infinity'], { cwd: BASE });
      await waitFor(
        'the base to be busy',
        async () => (await host.run(['umount', '-c', BASE])).status === 32,
        3000,
      );
      user.kill('SIGKILL');
    }),
  );

  // Whether it does depends on what else is mounted meanwhile, by other hosts too; that it can is the fact.
  fact('F17: sshfs killed and mounted again can come back with the same mount id and minor', () =>
    withLab({}, async ({ host, box }) => {
      const seen = new Set<string>();
      for (let round = 0; round < 5; round += 1) {
        const { id, device } = topmost(host, BASE);
        seen.add(`${id} ${device}`);
        await killSshfs(host, BASE, NOBODY_RESTARTS);
        await mountBase(box);
      }
      assert.ok(seen.size < 5, `five mounts, ${seen.size} identities`);
    }),
  );
});
