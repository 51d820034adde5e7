/** `storage tier` on a bad day: programs that are missing or hang, a base that goes away, somebody who plays with links. */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { killUnit } from '../../lab/faults/control-plane.ts';
import { stackTmpfs } from '../../lab/faults/mounts.ts';
import { freezeSshd, thawSshd } from '../../lab/faults/server.ts';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import type { Host } from '../../lab/host.ts';
import { JOBS_ROOT } from '../../lab/hot-path.ts';
import { shippedUnit, WORKER_UNIT } from '../../lab/installation.ts';
import { mountBase } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { codes, cold, hot, kinds, tier, withTieredLab, type Plan } from './tier.ts';

const TIERING_UNIT = 'healtharchive-tiering.service';
const STORAGE_LOCK = '/srv/healtharchive/ops/locks/storage';

/** The plan with another program in place of one of the system; `null`: with none. */
async function tierWith(host: Host, name: string, script: string | null, ...args: string[]): Promise<Plan> {
  await host.runOk('rm -rf /tmp/path && mkdir /tmp/path && ln -sf /usr/sbin/* /usr/bin/* /tmp/path/');
  await host.runOk(['rm', `/tmp/path/${name}`]);
  if (script !== null) {
    await host.writeFile(`/tmp/path/${name}`, `#!/bin/sh\n${script}\n`);
    await host.runOk(['chmod', '755', `/tmp/path/${name}`]);
  }
  const command = [
    'env',
    'PATH=/tmp/path',
    '/usr/local/bin/healtharchive',
    'storage',
    'tier',
    '--json',
    ...args,
  ];
  const result = await host.run(command, { timeoutMs: 60_000 });
  assert.equal(result.status, 1, `${result.stdout}${result.stderr}`);
  return JSON.parse(result.stdout) as Plan;
}

const failedStep = (plan: Plan): string =>
  plan.steps.find(({ outcome }) => outcome === 'failed')?.error ?? '';

test('mount and umount missing, failing or hanging: a named error in time, and nothing half done', async () => {
  await withTieredLab(['hc/2026'], async ({ host, box }) => {
    for (const [script, expected] of [
      [null, /mount is not installed \(package util-linux\)/],
      ['echo "mount: it is broken" >&2; exit 32', /mount failed \(status 32\): mount: it is broken/],
      ['sleep 100', /mount did not end within 2 s/],
    ] as const) {
      const begin = performance.now();
      const plan = await tierWith(host, 'mount', script, '--apply');
      assert.match(failedStep(plan), expected);
      assert.deepEqual(
        plan.steps.map(({ outcome }) => outcome),
        ['failed', 'skipped'],
      );
      assert.equal(host.mountsOn(hot('hc/2026')).length, 0);
      assert.ok(performance.now() - begin < 20_000);
    }
    assert.equal((await tier(host, '--apply')).status, 0);
    await killSshfs(host, box.base);
    await mountBase(box);
    const stale = await tierWith(host, 'umount', 'sleep 100', '--apply', '--repair-stale-mounts');
    assert.match(failedStep(stale), /umount did not end within 2 s/);
    assert.deepEqual(
      stale.steps.map(({ outcome }) => outcome),
      ['failed', 'skipped', 'skipped'],
    );
    assert.equal((await tier(host, '--apply', '--repair-stale-mounts')).status, 0);
  });
});

test('a step of mounting that fails half-way is taken back', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    const script = 'case "$*" in *make-private*) echo no >&2; exit 1;; esac; exec /usr/bin/mount "$@"';
    const plan = await tierWith(host, 'mount', script, '--apply');
    assert.match(failedStep(plan), /mount failed \(status 1\): no/);
    assert.equal(host.mountsOn(hot('hc/2026')).length, 0);
  });
});

test('a bind that is made although mount says that it failed is taken back, and the next run makes it right', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    const script = '/usr/bin/mount "$@"; status=$?; case "$*" in *--bind*) exit 16;; esac; exit $status';
    const plan = await tierWith(host, 'mount', script, '--apply');
    assert.match(failedStep(plan), /mount failed \(status 16\)/);
    assert.equal(host.mountsOn(hot('hc/2026')).length, 0);
    assert.deepEqual(kinds(await tier(host, '--apply')), [
      `bind ${hot('hc/2026')}`,
      `verify ${hot('hc/2026')}`,
    ]);
  });
});

test('the right bind made by hand is made nosuid, nodev and private, and verified', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    await host.runOk(`mkdir -p ${cold('hc/2026')} ${hot('hc/2026')}`);
    await host.runOk(`mount --bind ${cold('hc/2026')} ${hot('hc/2026')}`);
    await host.runOk(
      `mount --make-shared ${hot('hc/2026')} && mount -o remount,bind,dev,suid ${hot('hc/2026')}`,
    );
    const answer = await tier(host, '--apply');
    assert.deepEqual(kinds(answer), [`secure ${hot('hc/2026')}`, `verify ${hot('hc/2026')}`]);
    assert.equal(answer.status, 0, JSON.stringify(answer));
    const shown = await host.runOk(`findmnt -n -o PROPAGATION,OPTIONS ${hot('hc/2026')}`);
    assert.match(shown, /^private .*nosuid,nodev/);
    assert.equal((await tier(host, '--apply')).plan.verdict, 'nothing_to_do');
  });
});

test('who merges files from under a mount, as the page says, never sees the storage box there', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    await host.runOk(`mkdir -p ${hot('hc/2026')} && echo old > ${hot('hc/2026')}/file`);
    await host.runOk(
      `mkdir /mnt/under && mount --bind ${hot('hc')} /mnt/under && mount --make-private /mnt/under`,
    );
    assert.equal((await tier(host, '--apply')).plan.steps.at(-1)?.outcome, 'done');
    assert.equal(await host.runOk('findmnt --submounts -n -o TARGET /mnt/under'), '/mnt/under\n');
    assert.equal(await host.runOk('ls /mnt/under/2026'), 'file\n');
  });
});

test('a dead mount inside a dead one: both come back', async () => {
  await withTieredLab(['hc', 'hc/2026'], async ({ host, box }) => {
    assert.equal((await tier(host, '--apply')).status, 0);
    await killSshfs(host, box.base);
    await mountBase(box);
    const answer = await tier(host, '--apply', '--repair-stale-mounts');
    assert.equal(answer.status, 0, JSON.stringify(answer));
    const [base] = host.mountsOn(box.base);
    for (const path of [hot('hc'), hot('hc/2026')])
      assert.deepEqual(
        host.mountsOn(path).map(({ device }) => device),
        [base?.device],
      );
    assert.equal((await tier(host, '--apply')).plan.verdict, 'nothing_to_do');
  });
});

test('the base goes away between plan and apply: nothing is bound', async () => {
  await withTieredLab(['hc/2026'], async ({ host, box }) => {
    for (const change of ['gone', 'another'] as const) {
      // A reader holds the lock, as a worker that admits a job does; the plan is made meanwhile.
      await host.runOk(`install -d -o healtharchive ${dirname(STORAGE_LOCK)}`);
      const reader = host.start(['flock', '--shared', STORAGE_LOCK, 'sleep', '30']);
      await waitFor(
        'the reader',
        async () => (await host.run(['flock', '-xn', STORAGE_LOCK, 'true'])).status === 1,
        3000,
      );
      const waiting = tier(host, '--apply');
      await waitFor('the plan to be made', () => isWaitingForLock(host), 10_000);
      if (change === 'gone') await host.runOk(['systemctl', 'stop', box.unit]);
      else await killSshfs(host, box.base);
      if (change === 'another') await mountBase(box);
      reader.kill('SIGKILL');
      const answer = await waiting;
      const bound = host.mountsOn(hot('hc/2026'));
      if (change === 'gone' || answer.status !== 0) {
        assert.equal(answer.status, 1, JSON.stringify(answer));
        assert.match(failedStep(answer.plan), /not mounted/);
        assert.equal(bound.length, 0);
      } else {
        // Mount ids and minors are both used again at once (F17): then it is bound from the base that is there now.
        const [base] = host.mountsOn(box.base);
        assert.deepEqual(
          bound.map(({ device }) => device),
          [base?.device],
        );
      }
      await mountBase(box);
    }
    assert.equal((await tier(host, '--apply')).status, 0);
  });
});

test('nothing is taken off when the base has gone since the plan was made', async () => {
  await withTieredLab(['hc/2026', 'phac'], async ({ host, box }) => {
    assert.equal((await tier(host, '--apply')).status, 0);
    for (const path of [hot('hc/2026'), hot('phac')]) await stackTmpfs(host, path);
    const reader = host.start(['flock', '--shared', STORAGE_LOCK, 'sleep', '30']);
    await waitFor('the reader', async () => !(await isFree(host)), 3000);
    const waiting = tier(host, '--apply', '--repair-unexpected-mounts');
    await waitFor('the plan to be made', () => isWaitingForLock(host), 10_000);
    await host.runOk(['systemctl', 'stop', box.unit]);
    reader.kill('SIGKILL');
    const { plan, status } = await waiting;
    assert.equal(status, 1);
    assert.deepEqual(
      plan.steps.map(({ outcome }) => outcome),
      ['failed', 'skipped', 'failed', 'skipped', 'skipped', 'skipped'],
    );
    assert.match(failedStep(plan), /the storage box is missing now/);
    for (const path of [hot('hc/2026'), hot('phac')]) assert.equal(host.mountsOn(path).length, 2);
  });
});

async function isFree(host: Host): Promise<boolean> {
  return (await host.run(['flock', '-xn', STORAGE_LOCK, 'true'])).status === 0;
}

/** It waits for the reader's end, again and again, by flock on a descriptor. */
async function isWaitingForLock(host: Host): Promise<boolean> {
  for (let look = 0; look < 20; look += 1) {
    if (host.processes().some(({ argv }) => argv.join(' ').startsWith('flock --timeout'))) return true;
    await sleep(10);
  }
  return false;
}

test('a base that hangs is never bound from, and the answer comes in time', async () => {
  await withTieredLab(['hc/2026', 'phac/2026'], async ({ host, box }) => {
    await freezeSshd(box);
    try {
      const begin = performance.now();
      const answer = await tier(host, '--apply', '--repair-stale-mounts');
      assert.ok(performance.now() - begin < 20_000);
      assert.deepEqual(codes(answer), ['base_not_healthy', 'base_not_healthy']);
      assert.equal(answer.status, 5);
    } finally {
      await thawSshd(box);
    }
  });
});

test('whatever the worker’s user renames and links meanwhile, nothing is mounted or made outside', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    const outside = '/srv/outside';
    await host.runOk(`mkdir -p ${outside}/2026 && chown -R healtharchive: ${outside}`);
    const games = `cd ${JOBS_ROOT} && mkdir -p hc/2026 other && while :; do
      mv hc real; ln -s ${outside} hc; rm hc; mv real hc; sleep 0.05
      rmdir hc/2026 2>/dev/null && { ln -s ${outside}/2026 hc/2026; rm hc/2026; mkdir hc/2026; }
    done`;
    const player = host.start(['sh', '-c', games], { user: 'healtharchive' });
    const before = await host.runOk(`find ${outside} | sort`);
    const mounts = host.mountInfo().length;
    const rounds = process.env['HEALTHARCHIVE_TEST_FULL'] === '1' ? 40 : 3;
    let bound = 0;
    for (let round = 0; round < rounds; round += 1) {
      await tier(host, '--apply');
      const inside = host.mountInfo().filter(({ path }) => path.startsWith(`${JOBS_ROOT}/`));
      assert.equal(host.mountInfo().length - inside.length, mounts, JSON.stringify(host.mountInfo()));
      assert.deepEqual(
        inside.filter(({ path }) => !/\/(hc|real)\/2026$/.test(path)),
        [],
      );
      bound += inside.length;
      for (const { path } of inside) await host.run(['umount', '--lazy', path]);
    }
    player.kill('SIGKILL');
    assert.equal(await host.runOk(`find ${outside} | sort`), before);
    assert.ok(bound > 0, 'it was bound at least once, or nothing was tried');
  });
});

test('a link in the place of a mount point, made from another mount namespace, is not followed', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    await host.runOk(
      `mkdir -p /mnt/victim && mount -t tmpfs victim /mnt/victim && mkdir -p ${hot('hc/2026')}`,
    );
    await host.runOk(`chown -R healtharchive: ${hot('hc')}`);
    // Without the mount in it, and with a wrapper that lets it act between the check and the unmount.
    const other = host.start(['unshare', '-Urm', '--propagation', 'private', 'sh', '-c', OTHER_NAMESPACE], {
      user: 'healtharchive',
    });
    await waitFor('the other namespace', () => other.stdout().includes('ready'), 5000);
    assert.equal((await tier(host, '--apply')).status, 0);
    await stackTmpfs(host, hot('hc/2026'));
    await host.runOk('install -d -m 1777 /tmp/game');
    await host.writeFile(
      '/usr/local/sbin/umount',
      '#!/bin/sh\ntouch /tmp/game/go; for i in 1 2 3 4 5 6 7 8 9; do [ -e /tmp/game/done ] && break; sleep 0.1; done\nexec /usr/bin/umount "$@"\n',
    );
    await host.runOk(['chmod', '755', '/usr/local/sbin/umount']);
    await tier(host, '--apply', '--repair-unexpected-mounts');
    await waitFor(
      'the game to be played',
      async () => (await host.run('test -e /tmp/game/done')).status === 0,
      3000,
    );
    assert.equal(host.mountsOn('/mnt/victim').length, 1, 'it is not ours');
    const ours = host.mountInfo().filter(({ path }) => path.startsWith(`${JOBS_ROOT}/`));
    assert.deepEqual(
      ours.map(({ fstype }) => fstype),
      ['fuse.sshfs'],
      JSON.stringify(ours),
    );
    other.kill('SIGKILL');
  });
});

const OTHER_NAMESPACE = `cd ${JOBS_ROOT}/hc; echo ready; while ! [ -e /tmp/game/go ]; do sleep 0.02; done
  mv 2026 moved && ln -s /mnt/victim 2026; touch /tmp/game/done; sleep 60`;

test('a hot directory that is moved out of the jobs root while it is mounted takes no mount with it', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    await host.runOk(`mkdir -p ${hot('hc/2026')} /srv/healtharchive/ops/elsewhere`);
    await host.runOk(`chown -R healtharchive: ${hot('hc')} /srv/healtharchive/ops/elsewhere`);
    const games = `i=0; while :; do i=$((i+1)); mkdir -p ${hot('hc/2026')} 2>/dev/null
      mv ${hot('hc/2026')} /srv/healtharchive/ops/elsewhere/e$i 2>/dev/null; sleep 0.01; done`;
    const player = host.start(['sh', '-c', games], { user: 'healtharchive' });
    const rounds = process.env['HEALTHARCHIVE_TEST_FULL'] === '1' ? 20 : 3;
    for (let round = 0; round < rounds; round += 1) {
      const answer = await tier(host, '--apply');
      const astray = host.mountInfo().filter(({ path }) => path.includes('/elsewhere/'));
      assert.deepEqual(astray, [], JSON.stringify(answer));
      for (const { path } of host.mountsOn(hot('hc/2026'))) await host.run(['umount', '--lazy', path]);
    }
    player.kill('SIGKILL');
  });
});

test('at boot the hot paths are there before the worker, also on a fresh installation', async () => {
  await withTieredLab(['hc/2026'], async ({ host, box }) => {
    await host.installUnit(TIERING_UNIT, shippedUnit(TIERING_UNIT));
    for (const unit of [box.unit, TIERING_UNIT, WORKER_UNIT]) await host.runOk(['systemctl', 'enable', unit]);
    await host.runOk('rm -rf /srv/healtharchive/ops/locks /srv/healtharchive/ops/attempts');
    await host.reboot();
    await waitFor(
      'the worker',
      async () => (await host.unitProperty(WORKER_UNIT, 'ActiveState')) === 'active',
      30_000,
    );
    assert.equal(host.mountsOn(hot('hc/2026')).length, 1);
    const since = async (unit: string, property: string) => Number(await host.unitProperty(unit, property));
    const tiered = await since(TIERING_UNIT, 'ExecMainExitTimestampMonotonic');
    const worker = await since(WORKER_UNIT, 'ExecMainStartTimestampMonotonic');
    assert.ok(tiered > 0 && tiered < worker, `${tiered} ${worker}`);
    assert.equal(await host.unitProperty(TIERING_UNIT, 'Result'), 'success');
    // The state folders were made by root here; the worker must be able to use them.
    assert.equal(await host.runOk(['stat', '-c', '%U', '/srv/healtharchive/ops/locks']), 'healtharchive\n');
    await killUnit(host, WORKER_UNIT);
  });
});

test('a base that comes late brings tiering with it', async () => {
  await withTieredLab(['hc/2026'], async ({ host, box }) => {
    await host.installUnit(TIERING_UNIT, shippedUnit(TIERING_UNIT));
    for (const unit of [box.unit, TIERING_UNIT]) await host.runOk(['systemctl', 'enable', unit]);
    await host.runOk(['systemctl', 'stop', box.unit]);
    await host.runOk(['systemctl', 'start', box.unit]);
    await waitFor('the hot path', () => host.mountsOn(hot('hc/2026')).length === 1, 15_000);
    assert.deepEqual(kinds(await tier(host)), []);
    assert.equal((await host.run(['test', '-d', cold('hc/2026')])).status, 0);
  });
});
