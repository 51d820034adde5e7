import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { bootHost, type Host } from '../../lab/host.ts';
import { install } from '../../lab/installation.ts';
import { probe } from '../../lab/probe.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, storageBox } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';

const BOOT_LIMIT_MS = 6000;

describe('a lab host', { skip: labUnavailable() }, () => {
  const mountsBefore = readFileSync('/proc/self/mountinfo', 'utf8');
  // systemd-tmpfiles in the host empties /tmp at boot: it must be the host's own.
  let witness = '';
  let host: Host;
  let bootMs = 0;
  before(async () => {
    witness = mkdtempSync(join(tmpdir(), 'lab-witness-'));
    const begin = performance.now();
    host = await bootHost();
    bootMs = performance.now() - begin;
  });
  after(async () => {
    const { initPid, keeperPid } = host;
    await host.close();
    assert.equal(existsSync(`/proc/${initPid}`), false);
    assert.equal(existsSync(`/proc/${keeperPid}`), false);
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), mountsBefore);
    rmdirSync(witness); // throws when it is gone
  });

  test('boots within its bound, with systemd as its first process', async (t) => {
    t.diagnostic(`booted in ${Math.round(bootMs)} ms`);
    assert.ok(bootMs < BOOT_LIMIT_MS, `${bootMs} ms`);
    assert.equal((await host.runOk('cat /proc/1/comm')).trim(), 'systemd');
    assert.equal((await host.runOk('systemctl is-system-running')).trim(), 'running');
  });

  test('runs services and keeps their journal', async () => {
    await host.installUnit(
      'hello.service',
      '[Service]\nType=oneshot\nExecStart=/bin/echo hello from a unit\n',
    );
    await host.runOk('systemctl start hello');
    assert.match(await host.journal('hello.service'), /hello from a unit/);
    assert.equal(await host.activeState('hello.service'), 'inactive');
  });

  test('has the folders, the user and the program of a production host', async () => {
    const owners = await host.runOk(
      'stat -c "%U %n" /srv/healtharchive/jobs /srv/healtharchive/ops /srv/healtharchive/db /etc/healtharchive ' +
        '/srv/healtharchive /srv/healtharchive/storagebox /var/lib/node_exporter/textfile_collector',
    );
    assert.deepEqual(
      owners.split('\n').map((line) => line.split(' ')[0]),
      ['healtharchive', 'healtharchive', 'healtharchive', 'root', 'root', 'root', 'root', ''],
    );
    assert.equal((await host.runOk('id -un', { user: 'healtharchive' })).trim(), 'healtharchive');
    assert.equal(
      (await host.runOk(`test -x ${host.project} && command -v healtharchive`)).trim().length > 0,
      true,
    );
    const { stderr } = await host.run('touch /opt/healtharchive/x');
    assert.match(stderr, /Read-only/);
  });

  test('has commands that end at their deadline, their children included', async () => {
    const result = await host.run('sleep 61 & sleep 61', { timeoutMs: 300 });
    assert.equal(result.timedOut, true);
    assert.ok(result.durationMs < 1500, `${result.durationMs} ms`);
    assert.deepEqual(
      host.processes().filter(({ argv }) => argv.includes('61')),
      [],
    );
  });

  test('passes input, environment, user and directory, and nothing of ours', async () => {
    process.env['LAB_SECRET'] = 'mine';
    const script = 'cat; echo "$WORD|$LAB_SECRET|$HOME|$PWD"';
    const { stdout } = await host.run(script, {
      input: 'in\n',
      env: { WORD: 'a b' },
      user: 'healtharchive',
      cwd: '/etc',
    });
    assert.equal(stdout, 'in\na b||/var/lib/healtharchive|/etc\n');
  });

  test('begins without what the machine itself has of the product: an installation, with a user of that name', async (t) => {
    const layer = mkdtempSync(join(tmpdir(), 'healtharchive-lab-'));
    t.after(() => {
      rmSync(layer, { recursive: true });
    });
    for (const [path, text] of [
      ['etc/healtharchive/config.toml', 'not = "ours"\n'],
      ['etc/healtharchive/warc-tiering.binds', '/srv/healtharchive/storagebox/x /srv/healtharchive/jobs/x\n'],
      ['srv/healtharchive/jobs/hc/warcs/1-001-00000.warc.gz', 'an archive'],
      ['srv/healtharchive/db/healtharchive.db', 'a database'],
      [
        'etc/passwd',
        `${readFileSync('/etc/passwd', 'utf8')}healtharchive:x:5555:5555::/opt/elsewhere:/bin/sh\n`,
      ],
      ['etc/group', `${readFileSync('/etc/group', 'utf8')}healtharchive:x:5555:\n`],
    ] as const) {
      mkdirSync(join(layer, dirname(path)), { recursive: true });
      writeFileSync(join(layer, path), text);
    }
    const beside = await bootHost({ name: 'beside', layer });
    try {
      assert.equal(await beside.runOk('find /etc/healtharchive /srv/healtharchive -type f'), '');
      assert.equal((await beside.runOk('echo ~healtharchive')).trim(), '/var/lib/healtharchive');
      const installation = await install(beside, '[worker]\nmin_free_percent = 1');
      assert.deepEqual(await installation.json('jobs', 'list'), { jobs: [] });
      await beside.reboot();
      assert.deepEqual(await installation.json('jobs', 'list'), { jobs: [] }, 'what it made itself stays');
    } finally {
      await beside.close();
    }
    assert.equal(readFileSync(join(layer, 'srv/healtharchive/db/healtharchive.db'), 'utf8'), 'a database');
  });

  test('writes nothing to the machine', async () => {
    await host.runOk(
      'date >/tmp/lab-was-here; date >/etc/lab-was-here; date >/dev/shm/lab-was-here; mkdir /run/lab-x',
    );
    await host.runOk('mount -t tmpfs none /srv && rm -rf /var/tmp/* /root/.bashrc');
    for (const path of ['/tmp/lab-was-here', '/etc/lab-was-here', '/dev/shm/lab-was-here', '/run/lab-x']) {
      assert.equal(existsSync(path), false, path);
    }
    assert.notEqual((await host.run('echo 1 >/proc/sys/vm/drop_caches')).status, 0);
    await host.runOk('umount /srv');
  });

  test('keeps its disk over a reboot, and loses /run, /tmp and mounts', async () => {
    const unit =
      '[Service]\nType=oneshot\nExecStart=/bin/touch /run/started\n[Install]\nWantedBy=multi-user.target\n';
    await host.installUnit('at-boot.service', unit);
    await host.runOk('systemctl enable at-boot');
    await host.runOk('mkdir /srv/kept && touch /run/lost /tmp/lost && mount -t tmpfs none /srv/kept');
    const bootId = await host.readFile('/proc/sys/kernel/random/boot_id');
    await host.reboot();
    assert.equal(await host.exists('/srv/kept'), true);
    assert.deepEqual(host.mountsOn('/srv/kept'), []);
    assert.equal((await host.exists('/run/lost')) || (await host.exists('/tmp/lost')), false);
    assert.equal(await host.exists('/run/started'), true);
    assert.notEqual(await host.readFile('/proc/sys/kernel/random/boot_id'), bootId);
    const uptimeSeconds = Number((await host.readFile('/proc/uptime')).split(' ')[0]);
    assert.ok(uptimeSeconds < 10, `${uptimeSeconds} s`);
  });

  test('waits say what they waited for', async () => {
    await assert.rejects(
      waitFor('the moon', () => Promise.reject(new Error('only clouds')), 50),
      /waited 50 ms for the moon; last seen: 'only clouds'/,
    );
  });
});

describe('several hosts at once', { skip: labUnavailable() }, () => {
  test('boot together, each with a storage box of its own; killing in one is no business of the others', async (t) => {
    const begin = performance.now();
    const labs = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => {
        const host = await bootHost({ name });
        return { host, box: await storageBox(host) };
      }),
    );
    t.diagnostic(`three hosts with a storage box each in ${Math.round(performance.now() - begin)} ms`);
    try {
      for (const { host } of labs) await host.writeFile(`${BASE}/name`, host.name);
      const [first, ...others] = labs;
      assert.ok(first);
      await killSshfs(first.host, BASE, { keepDown: first.box.unit });
      assert.equal(await probe(first.host, 'lookup', BASE), 'ENOTCONN');
      for (const { host, box } of others) {
        assert.equal(await host.readFile(`${BASE}/name`), host.name);
        assert.equal(await host.activeState(box.unit), 'active');
      }
    } finally {
      const machines = labs.flatMap(({ host, box }) => [box.server, host]);
      const pids = machines.flatMap((machine) => machine.processes().map(({ pid }) => pid));
      await Promise.all(labs.map(({ box }) => box.close()));
      await Promise.all(labs.map(({ host }) => host.close()));
      assert.ok(pids.length > machines.length);
      assert.deepEqual(
        pids.filter((pid) => existsSync(`/proc/${pid}`)),
        [],
      );
    }
  });
});

describe('a crash of the test process', { skip: labUnavailable() }, () => {
  test('leaves no host behind', async () => {
    const program = `
      const { bootHost } = await import(${JSON.stringify(new URL('../../lab/host.ts', import.meta.url).href)});
      const host = await bootHost({ name: 'orphan' });
      console.log(JSON.stringify([host.initPid, host.keeperPid]));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program]);
    let output = '';
    child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
    await waitFor('the orphan to boot', () => output.endsWith('\n'), BOOT_LIMIT_MS);
    const pids = JSON.parse(output) as number[];
    assert.equal(pids.length, 2);
    child.kill('SIGKILL');
    await waitFor('the orphan to go', () => pids.every((pid) => !existsSync(`/proc/${pid}`)), 5000);
  });
});
