/** What the units don't get, and that they work without it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowRestart, freezeSshfs, killSshfs, thawSshfs } from '../../lab/faults/sshfs.ts';
import { shippedUnit, WORKER_UNIT } from '../../lab/installation.ts';
import { DATABASE } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { allJobs, withRecoveryLab, type RecoveryLab } from './recovery-lab.ts';

const START = ['systemctl', 'start', WORKER_UNIT];

/** What the worker sees mounted below /srv, one line each: mount point, type, root. */
async function seenByWorker({ host }: RecoveryLab): Promise<string[]> {
  const pid = await host.unitProperty(WORKER_UNIT, 'MainPID');
  const text = await host.runOk(['cat', `/proc/${pid}/mountinfo`]);
  return text.split('\n').flatMap((line) => {
    const [, , , root = '', at = ''] = line.split(' ');
    const type = /- (\S+)/.exec(line)?.[1] ?? '';
    return at.startsWith('/srv/') && type === 'fuse.sshfs' ? [`${at} ${root}`] : [];
  });
}

test('the worker in a mount namespace of its own', { skip: labUnavailable(['sqlite3']) }, async (t) => {
  await withRecoveryLab({}, async (lab) => {
    const { host } = lab;

    await t.test('no capability, no way to another user, the system read-only', async () => {
      await lab.untilCrawling('hc');
      const pid = await host.unitProperty(WORKER_UNIT, 'MainPID');
      const status = await host.runOk(['cat', `/proc/${pid}/status`]);
      for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        assert.match(status, new RegExp(`^${set}:\\s+0+$`, 'm'));
      assert.match(status, /^NoNewPrivs:\s+1$/m);
      assert.match(status, /^Seccomp:\s+2$/m);
      const mounts = await host.runOk(['cat', `/proc/${pid}/mountinfo`]);
      assert.match(mounts, /^\S+ \S+ \S+ \/usr \/usr ro,/m);
    });

    await t.test('a dead base and its binds go out of its sight when recovery has mended them', async () => {
      for (const name of allJobs) await lab.untilCrawling(name);
      const before = await lab.attempts();
      await killSshfs(host, BASE);
      const { status, answer } = await lab.recover('--rearm');
      assert.equal(status, 0, JSON.stringify(answer, null, 1));
      for (const name of ['hc', 'cihr'] as const) await lab.untilCrawling(name, before[name]);
      const places = (await seenByWorker(lab)).map((line) => line.split(' ')[0]);
      for (const path of [BASE, lab.path('hc'), lab.path('cihr')])
        assert.equal(places.filter((place) => place === path).length, 1, places.join('\n'));
    });

    await t.test('a database on the network: one drop-in, for every unit', async () => {
      const dropIn = 'healtharchive-.service.d/network.conf';
      const unit = 'healtharchive-tiering.service';
      await host.installUnit(unit, shippedUnit(unit));
      // systemd keeps such lists without an order.
      const listed = async (property: string) =>
        (await host.unitProperty(unit, property)).split(' ').sort().join(' ');
      const network = async () => [
        await host.unitProperty(unit, 'PrivateNetwork'),
        await listed('IPAddressDeny'),
        await listed('RestrictAddressFamilies'),
      ];
      assert.deepEqual(await network(), ['yes', '0.0.0.0/0 ::/0', 'AF_UNIX']);
      await host.installUnit(dropIn, shippedUnit(`${dropIn}.example`));
      assert.deepEqual(await network(), ['no', '', 'AF_INET AF_INET6 AF_UNIX']);
      await host.removeUnit(dropIn);
      // What comes next is started after tiering where it is at work, as it is when the base has just come.
      await host.removeUnit(unit);
    });

    await t.test('recovery that dies in the middle of a write locks nobody out of the database', async () => {
      const unit = 'healtharchive-storage-hotpath-auto-recover.service';
      await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
      await host.installUnit(unit, shippedUnit(unit));
      await host.writeFile(
        '/run/die.mjs',
        `import { DatabaseSync } from 'node:sqlite';
const database = new DatabaseSync('${DATABASE}');
database.exec("begin immediate; update jobs set last_error = 'half'; savepoint s");
process.kill(process.pid, 'SIGKILL');
`,
      );
      const node = '/opt/healtharchive/node_modules/.bin/node';
      await host.installUnit(`${unit}.d/die.conf`, `[Service]\nExecStart=\nExecStart=${node} /run/die.mjs\n`);
      // Nobody has it open: its log files are made by this one, as root.
      assert.equal((await host.run(['test', '-e', `${DATABASE}-wal`])).status, 1);
      assert.notEqual((await host.run(['systemctl', 'start', unit])).status, 0);
      const owners = await host.runOk([
        'stat',
        '-c',
        '%U %n',
        DATABASE,
        `${DATABASE}-wal`,
        `${DATABASE}-shm`,
      ]);
      assert.equal(owners.match(/^healtharchive /gm)?.length, 3, owners);
      const before = await lab.attempts();
      await host.runOk(START, { timeoutMs: 30_000 });
      const job = await lab.untilCrawling('local', before.local);
      assert.notEqual(job.last_error, 'half');
    });

    for (const [what, fault, mend] of [
      [
        'dead',
        async () => {
          await killSshfs(host, BASE, { keepDown: BASE_UNIT });
        },
        async () => {
          await allowRestart(host, BASE_UNIT);
          await host.runOk(['systemctl', 'start', BASE_UNIT]);
        },
      ],
      [
        'frozen',
        async () => {
          await freezeSshfs(host, BASE);
        },
        async () => {
          await thawSshfs(host, BASE);
        },
      ],
    ] as const)
      await t.test(`it starts beside a base that is ${what}, in a moment`, async () => {
        await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
        await fault();
        const beganMs = performance.now();
        await host.runOk(START, { timeoutMs: 30_000 });
        const tookMs = performance.now() - beganMs;
        await mend();
        assert.ok(tookMs < 10_000, `it took ${Math.round(tookMs)} ms`);
        await waitFor('its status', async () => (await host.activeState(WORKER_UNIT)) === 'active', 5000);
      });
  });
});
