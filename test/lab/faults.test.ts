import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  allowFolder,
  denyFolder,
  fillBox,
  freeBox,
  makeBoxReadOnly,
  makeBoxWritable,
} from '../../lab/faults/box-space.ts';
import { giveOwnClock, steppedClock } from '../../lab/faults/clock.ts';
import {
  corruptFile,
  holdLock,
  isHeld,
  killUnit,
  leaveStaleLock,
  makeUnwritable,
  makeWritable,
  DEPLOY_LOCK,
  METRICS_FOLDER,
} from '../../lab/faults/control-plane.ts';
import { lockSqlite } from '../../lab/faults/database.ts';
import {
  bindFromWrongPlace,
  remountReadOnly,
  remountWritable,
  stackTmpfs,
  unmountBehindTheBack,
} from '../../lab/faults/mounts.ts';
import { cutCable, isReachable, mendCable } from '../../lab/faults/server.ts';
import { freezeSshfs, killSshfs, thawSshfs } from '../../lab/faults/sshfs.ts';
import { killBeforeStep } from '../../lab/faults/steps.ts';
import { bindHotPath, sshfsHotPath } from '../../lab/hot-path.ts';
import { bootHost, type Host } from '../../lab/host.ts';
import { connect } from '../../lab/network.ts';
import { postgresPrograms, startPostgres } from '../../lab/postgres.ts';
import { probe } from '../../lab/probe.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, storageBox, type StorageBox } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';

const asWorker = { user: 'healtharchive' };

// One host for all: each test mends what it broke, and looks that it did.
describe('faults of storage', { skip: labUnavailable(['nft']) }, () => {
  let host: Host;
  let box: StorageBox;
  let hot: string;
  before(async () => {
    host = await bootHost();
    box = await storageBox(host, { sizeBytes: 16 * 1024 ** 2, serverAliveSeconds: 60 });
    hot = await bindHotPath(host, 'hc-2026');
  });
  after(async () => {
    await box.close();
    await host.close();
  });

  test('a full box takes no more data, and says so only by statfs', async () => {
    await fillBox(box);
    // SFTP knows no "no space left": OpenSSH answers a general failure, and sshfs makes EIO of a write that failed.
    assert.equal(await probe(host, 'write', hot, asWorker), 'EIO');
    assert.equal(await probe(host, 'lookup', hot), 'ENOENT');
    const free = await host.runOk(['df', '--output=avail', hot]);
    assert.equal(Number(free.split('\n')[1]), 0);
    await freeBox(box);
    assert.equal(await probe(host, 'write', hot, asWorker), 'ok');
  });

  test('a read-only box is readable, and refuses new files with EPERM', async () => {
    await makeBoxReadOnly(box);
    assert.equal(await probe(host, 'lookup', hot), 'ENOENT');
    assert.equal(await probe(host, 'write', hot, asWorker), 'EPERM');
    await makeBoxWritable(box);
    assert.equal(await probe(host, 'write', hot, asWorker), 'ok');
  });

  test('a hot path remounted read-only is EROFS', async () => {
    await remountReadOnly(host, hot);
    assert.equal(await probe(host, 'write', hot, asWorker), 'EROFS');
    assert.equal(await probe(host, 'write', BASE, asWorker), 'ok');
    await remountWritable(host, hot);
    assert.equal(await probe(host, 'write', hot, asWorker), 'ok');
  });

  test('a hot path unmounted, covered or bound from the wrong place answers as if all were well', async () => {
    await stackTmpfs(host, hot);
    assert.equal(await probe(host, 'lookup', hot), 'ENOENT');
    assert.deepEqual(
      host.mountsOn(hot).map(({ fstype }) => fstype),
      ['fuse.sshfs', 'tmpfs'],
    );
    await unmountBehindTheBack(host, hot);
    await bindFromWrongPlace(host, hot);
    assert.equal(await probe(host, 'write', hot, asWorker), 'ok');
    assert.match(host.mountsOn(hot).at(-1)?.root ?? '', /\/wrong-place$/);
    await unmountBehindTheBack(host, hot);
    assert.deepEqual(host.mountsOn(hot), []);
    assert.equal(await probe(host, 'write', hot, asWorker), 'ok');
    await bindHotPath(host, 'hc-2026');
  });

  test('a frozen sshfs hangs its callers until it is thawed', async () => {
    await freezeSshfs(host, BASE);
    assert.equal(await probe(host, 'lookup', hot, { timeoutMs: 300 }), 'no answer');
    await thawSshfs(host, BASE);
    assert.equal(await probe(host, 'lookup', hot), 'ENOENT');
  });

  test('a cut cable hangs callers until it is mended', async () => {
    await cutCable(box);
    assert.equal(await isReachable(box), false);
    assert.equal(await probe(host, 'lookup', hot, { timeoutMs: 300 }), 'no answer');
    await mendCable(box);
    await waitFor(
      'the connection to go on',
      async () => (await probe(host, 'lookup', hot)) === 'ENOENT',
      20_000,
    );
  });

  test('a hot path with a mount of its own dies alone', async () => {
    const direct = await sshfsHotPath(box, 'special');
    await killSshfs(host, direct.path);
    assert.equal(await probe(host, 'lookup', direct.path), 'ENOTCONN');
    assert.equal(await probe(host, 'lookup', hot), 'ENOENT');
    await host.runOk(['systemctl', 'restart', direct.unit]);
    assert.equal(await probe(host, 'lookup', direct.path), 'ENOENT');
  });

  test('a folder that the box denies is EACCES', async () => {
    await denyFolder(box, 'jobs/hc-2026');
    assert.equal(await probe(host, 'lookup', hot), 'EACCES');
    await allowFolder(box, 'jobs/hc-2026');
    assert.equal(
      await probe(host, 'lookup', hot),
      'ENOENT',
      'as root; others wait for the attribute cache (20 s)',
    );
  });

  test('the box outlives a reboot of its host, and the base comes back when it is enabled', async () => {
    await host.writeFile(`${hot}/kept`, 'x');
    await host.runOk(['systemctl', 'enable', box.unit]);
    await host.reboot();
    assert.deepEqual(host.mountsOn(hot), [], 'binds are gone');
    assert.equal(await host.readFile(`${BASE}/jobs/hc-2026/kept`), 'x');
  });
});

describe('faults of the control plane', { skip: labUnavailable(['faketime']) }, () => {
  let host: Host;
  before(async () => {
    host = await bootHost();
  });
  after(() => host.close());

  test('a unit whose process is killed', async () => {
    await host.installUnit('worker.service', '[Service]\nExecStart=sleep infinity\nRestart=no\n');
    await host.runOk(['systemctl', 'start', 'worker']);
    await killUnit(host, 'worker.service');
    await waitFor('it to fail', async () => (await host.activeState('worker.service')) === 'failed', 3000);
  });

  test('a service that is killed right before any of its steps, once', async () => {
    const steps =
      'mount -t tmpfs none /mnt; systemctl is-active x; umount /mnt; systemctl daemon-reload; touch /run/all';
    await host.installUnit('steps.service', `[Service]\nType=oneshot\nExecStart=/bin/sh -c '${steps}'\n`);
    for (const [before, mounts, line] of [
      [1, 0, undefined],
      [2, 1, undefined],
      [3, 0, undefined],
      [1, 1, 'umount /mnt'],
    ] as const) {
      const armed = await killBeforeStep(host, 'steps.service', before, line);
      assert.notEqual((await host.systemctl('start', 'steps')).status, 0);
      assert.equal(await host.unitProperty('steps.service', 'Result'), 'signal');
      assert.equal((await armed.taken()).length, line === undefined ? before : 2);
      assert.equal(host.mountsOn('/mnt').length, mounts);
      assert.equal(await host.exists('/run/all'), false);
      await host.run(['umount', '/mnt']);
      await host.runOk(['systemctl', 'start', 'steps']);
      await host.runOk(['rm', '/run/all']);
      await armed.remove();
    }
  });

  test('a deploy lock that is held, and one that is only an old file', async () => {
    const lock = await holdLock(host);
    assert.equal(await isHeld(host, DEPLOY_LOCK), true);
    await lock.release();
    await leaveStaleLock(host);
    assert.equal(await isHeld(host, DEPLOY_LOCK), false);
    const ageSeconds = Date.now() / 1000 - Number(await host.runOk(['stat', '-c', '%Y', DEPLOY_LOCK]));
    assert.ok(ageSeconds > 8 * 86_400);
  });

  test('a state file that is torn', async () => {
    await host.writeFile('/srv/healtharchive/ops/state.json', '{"version":1,"recoveries":[]}');
    await corruptFile(host, '/srv/healtharchive/ops/state.json');
    assert.equal(
      await host.readFile('/srv/healtharchive/ops/state.json'),
      '{"version":1,"' + '\0'.repeat(64),
    );
  });

  test('a metrics folder that not even root can write', async () => {
    await makeUnwritable(host);
    assert.equal(await probe(host, 'write', METRICS_FOLDER), 'EROFS');
    await makeWritable(host);
    assert.equal(await probe(host, 'write', METRICS_FOLDER), 'ok');
  });

  test('an SQLite database that is locked', async () => {
    const path = '/srv/healtharchive/db/test.db';
    const write = async (): Promise<number | null> => {
      const sql = `const d = new (require("node:sqlite").DatabaseSync)("${path}"); d.exec("CREATE TABLE IF NOT EXISTS t (x)")`;
      return (await host.run(['/opt/healtharchive/node_modules/.bin/node', '-e', sql], asWorker)).status;
    };
    assert.equal(await write(), 0);
    const lock = await lockSqlite(host, path);
    assert.equal(await write(), 1);
    await lock.release();
    assert.equal(await write(), 0);
  });

  test('a clock that steps, for a command and for a running unit', async () => {
    const hours = async (command: Promise<string>): Promise<number> =>
      Math.round((Number(await command) - Date.now() / 1000) / 3600);
    const program = ['/opt/healtharchive/node_modules/.bin/node', '-p', 'Date.now() / 1000'];
    assert.equal(await hours(host.runOk(program, { env: steppedClock(-7200) })), -2);

    const loop = 'while true; do date +%%s >/run/now; sleep 0.05; done';
    await host.installUnit('ticker.service', `[Service]\nExecStart=/bin/sh -c '${loop}'\n`);
    await host.runOk(['systemctl', 'start', 'ticker']);
    const clock = await giveOwnClock(host, 'ticker.service');
    for (const step of [3, -24]) {
      await clock.step(step * 3600);
      await waitFor(
        `a step of ${step} h`,
        async () => (await hours(host.readFile('/run/now'))) === step,
        3000,
      );
    }
    await clock.remove();
    await waitFor('the true time', async () => (await hours(host.readFile('/run/now'))) === 0, 3000);
  });

  test(
    'PostgreSQL that stops and comes back',
    { skip: !postgresPrograms() && 'needs PostgreSQL' },
    async () => {
      const database = await startPostgres(host);
      const ask = (): Promise<{ status: number | null }> =>
        host.run(['psql', database.url, '-c', 'SELECT 1'], asWorker);
      assert.equal((await ask()).status, 0);
      await database.stop();
      assert.equal((await ask()).status, 2);
      await database.start();
      assert.equal((await ask()).status, 0);
    },
  );

  test('two hosts at once, with a cable between them', async () => {
    const other = await bootHost({ name: 'other' });
    try {
      await connect(
        { machine: host, interface: 'lan', address: '10.78.0.1/24' },
        { machine: other, interface: 'lan', address: '10.78.0.2/24' },
      );
      const listener = other.start([
        '/opt/healtharchive/node_modules/.bin/node',
        '/opt/healtharchive/lab/site.ts',
        '--address',
        '10.78.0.2',
        '--port',
        '80',
        '--pages',
        '2',
      ]);
      await waitFor('the site', () => listener.stdout().includes('"url"'), 5000);
      assert.match(
        await host.runOk(['wget', '-q', '-O', '-', 'http://10.78.0.2/en/']),
        /Health archive test site/,
      );
      assert.equal((await host.runOk('hostname')) + (await other.runOk('hostname')), 'lab\nother\n');
      await host.writeFile('/etc/only-here', '');
      assert.equal(await other.exists('/etc/only-here'), false);
    } finally {
      await other.close();
    }
  });
});
