/** `storage recover --apply` on bad days: killed at every step, with crawls that don't hear, full and frozen storage, nested mounts, containers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CRAWLER_IMAGE, importCrawlerImage } from '../../lab/container-image.ts';
import { fillBox, freeBox } from '../../lab/faults/box-space.ts';
import { freezeSshfs, killSshfs } from '../../lab/faults/sshfs.ts';
import { killBeforeStep } from '../../lab/faults/steps.ts';
import { bindHotPath, COLD_ROOT, JOBS_ROOT, sshfsHotPath } from '../../lab/hot-path.ts';
import { install, shippedUnit, WORKER_UNIT } from '../../lab/installation.ts';
import { addJob, addSite, storedJob } from '../../lab/jobs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { recover } from './recover.ts';
import { allJobs, kinds, SENTINEL, withRecoveryLab, type RecoveryLab } from './recovery-lab.ts';
import { MANIFEST } from './storage-lab.ts';
import { withLab } from './with-lab.ts';

/** Recovery as its unit runs it, under a name that nothing starts by itself. */
const ONCE = 'recover-once.service';
const isFull = process.env['HEALTHARCHIVE_TEST_FULL'] === '1';
const unlimited =
  '[recovery]\nbackoff_initial_seconds = 0\nmax_per_hour = 1000\nmax_per_day = 1000\nmax_per_job_per_day = 1000\nabort_hung_after_seconds = 3\n';

async function recoveredWell(lab: RecoveryLab): Promise<string[]> {
  const result = await lab.recover();
  assert.deepEqual(
    [result.status, result.answer.verdict],
    [0, 'done'],
    JSON.stringify(result.answer, null, 1),
  );
  await lab.assertMounted();
  return kinds(result);
}

/** With storage that hangs and a database that is away, by a configuration that holds a password. */
async function assertEvidenceByHand({ host }: RecoveryLab): Promise<void> {
  const configuration = await host.readFile('/etc/healtharchive/config.toml');
  const url = 'url = "postgres://archive:s3cretword@127.0.0.1:1/archive"';
  const other = /^url = .*$/m.test(configuration)
    ? configuration.replace(/^url = .*$/m, url)
    : `${configuration}\n[database]\n${url}\n`;
  await host.writeFile('/etc/healtharchive/other.toml', other);
  const { status, stdout, stderr, durationMs } = await host.run(
    [
      'healtharchive',
      '--config',
      '/etc/healtharchive/other.toml',
      'ops',
      'evidence',
      '--tag',
      'by-hand',
      '--json',
    ],
    { timeoutMs: 30_000 },
  );
  assert.equal(status, 0, stderr);
  assert.ok(durationMs < 15_000, `${durationMs} ms`);
  const { path, files } = JSON.parse(stdout) as {
    path: string;
    files: { name: string; problem: string | null }[];
  };
  assert.match(files.find(({ name }) => name === 'jobs.json')?.problem ?? '', /database/);
  const world = JSON.parse(await host.readFile(`${path}/world.json`)) as {
    lookups: Record<string, { kind: string }>;
  };
  assert.ok(
    Object.values(world.lookups).some(({ kind }) => kind === 'timed_out' || kind === 'hung'),
    JSON.stringify(world.lookups),
  );
  const { stdout: found } = await host.run(['grep', '-r', 's3cretword', path]);
  assert.equal(found, '');
  assert.ok(Number((await host.runOk(['du', '-sk', path])).split('\t')[0]) < 5000);
}

describe('recovery on bad days', { skip: labUnavailable(['wget', 'sqlite3']) }, () => {
  test('one host, one thing after another', async (t) => {
    await withRecoveryLab(
      {},
      async (lab) => {
        const { host } = lab;
        await host.installUnit(ONCE, shippedUnit('healtharchive-storage-hotpath-auto-recover.service'));

        await t.test('killed right before each of its steps, the next run ends well each time', async () => {
          const invocation = await lab.invocation();
          const runKilledBefore = async (time: number, line?: string): Promise<string[]> => {
            await host.runOk(['systemctl', 'stop', BASE_UNIT], { timeoutMs: 20_000 });
            const armed = await killBeforeStep(host, ONCE, time, line);
            await host.run(['systemctl', 'start', ONCE], { timeoutMs: 120_000 });
            const taken = await armed.taken();
            await armed.remove();
            return taken;
          };
          const steps = [...Map.groupBy(await runKilledBefore(0), (line) => line)];
          await lab.assertMounted();
          for (const program of ['systemctl restart', 'umount', 'mount -c --bind', 'systemctl kill'])
            assert.ok(
              steps.some(([line]) => line.startsWith(program)),
              `${program} in ${steps.map(([line]) => line).join('; ')}`,
            );
          // The same command line is given for several paths: before the first of them, and, given the time, before the last.
          for (const [line, { length: times }] of steps)
            for (const time of new Set(isFull ? [1, times] : [1])) {
              await runKilledBefore(time, line);
              assert.equal(
                await host.unitProperty(ONCE, 'Result'),
                'signal',
                `killed before ${line}, time ${time} of ${times}`,
              );
              const next = await lab.recover();
              const because = `killed before ${line}: ${JSON.stringify(next.answer, null, 1)}`;
              assert.ok(next.status === 0, because);
              await lab.assertMounted();
            }
          await lab.assertMounted();
          for (const name of allJobs) await lab.untilCrawling(name);
          assert.equal(await lab.invocation(), invocation);
        });

        await t.test('a crawl that does not notice is ended by its worker, and goes on', async () => {
          for (const name of allJobs) await lab.untilCrawling(name);
          const job = await lab.untilCrawling('hc');
          const before = await lab.attempts();
          await host.runOk(['kill', '-STOP', '--', await lab.crawlGroup(job)]);
          await killSshfs(host, BASE);
          const steps = await recoveredWell(lab);
          assert.ok(steps.includes('interrupt hc done'), steps.join());
          await lab.untilCrawling('hc', before.hc);
          const after = await lab.attempts();
          assert.deepEqual([after.own, after.local], [before.own, before.local]);
        });

        await t.test('its worker does not hear: it is ended by its own processes', async () => {
          const job = await lab.untilCrawling('hc');
          // A worker that is just admitting a job holds the storage lock, and frozen it would hold it.
          for (const name of allJobs) await lab.untilCrawling(name);
          const before = await lab.attempts();
          const worker = await host.unitProperty(WORKER_UNIT, 'MainPID');
          await host.runOk(['kill', '-STOP', '--', worker, await lab.crawlGroup(job)]);
          await killSshfs(host, BASE);
          const steps = await recoveredWell(lab);
          assert.ok(steps.includes('interrupt hc done'), steps.join());
          await host.runOk(['kill', '-CONT', worker]);
          // Its infra error comes after the proof, but it is of an attempt from before: the next run lets it go on.
          const isEnded = async () => (await lab.job('hc')).crawler_status === 'infra_error';
          await waitFor('the worker to say so', isEnded, 20_000);
          assert.ok(kinds(await lab.recover()).includes('release hc done'));
          await lab.untilCrawling('hc', before.hc);
          const after = await lab.attempts();
          assert.deepEqual([after.own, after.local], [before.own, before.local]);
        });

        await t.test('somebody else mends a bind between plan and step: it is left as it is', async () => {
          await lab.untilCrawling('hc');
          await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
          await killSshfs(host, BASE);
          // Whatever is unmounted first, hc has been mended by then.
          await host.writeFile(
            '/usr/local/sbin/umount',
            `#!/bin/sh
if [ ! -e /run/lab-mended ]; then
  touch /run/lab-mended
  /bin/umount -l ${lab.path('hc')} && mount --bind ${COLD_ROOT}/hc ${lab.path('hc')}
  mount --make-private ${lab.path('hc')}; mount -o remount,bind,nosuid,nodev ${lab.path('hc')}
fi
exec /bin/umount "$@"
`,
          );
          await host.runOk(['chmod', '755', '/usr/local/sbin/umount']);
          const first = await lab.recover();
          await host.runOk(['rm', '/usr/local/sbin/umount', '/run/lab-mended']);
          assert.ok(first.status === 0 || first.status === 1, JSON.stringify(first.answer));
          const last = await lab.recover();
          assert.equal(last.status, 0, JSON.stringify(last.answer, null, 1));
          await lab.assertMounted();
          await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
        });

        await t.test('the box is full: mounted again, but not called usable before it is', async () => {
          await killSshfs(host, BASE);
          await fillBox(lab.box);
          const full = await lab.recover();
          assert.equal(full.status, 1, JSON.stringify(full.answer, null, 1));
          const failed = full.answer.steps.filter(({ outcome }) => outcome === 'failed');
          assert.ok(
            failed.length > 0 &&
              failed.every(({ kind, error }) => kind === 'verify' && (error ?? '').includes('unwritable')),
            JSON.stringify(failed),
          );
          assert.equal(
            full.answer.steps.some(({ kind }) => kind === 'release'),
            false,
          );
          await freeBox(lab.box);
          assert.ok((await recoveredWell(lab)).includes('verify hc done'));
        });

        await t.test(
          'sshfs is frozen: left alone at first, aborted and mended when it has hung for long',
          async () => {
            // Since the box was full, its crawls may be between two attempts.
            for (const name of allJobs) await lab.untilCrawling(name);
            const before = await lab.attempts();
            await freezeSshfs(host, BASE);
            await assertEvidenceByHand(lab);
            const first = await lab.recover();
            assert.deepEqual(
              first.answer.refusals.map(({ code }) => code),
              ['storage_hung', 'storage_hung', 'storage_hung'],
            );
            const second = await lab.recover();
            assert.ok(kinds(second).includes('abort base done'), JSON.stringify(second.answer, null, 1));
            assert.equal(second.status, 0, JSON.stringify(second.answer, null, 1));
            await lab.assertMounted();
            await lab.untilCrawling('hc', before.hc);
            assert.equal((await lab.attempts()).own, before.own);
          },
        );
      },
      unlimited,
    );
  });

  test('a mount of its own inside a bind comes back after it', async () => {
    await withLab({}, async ({ host, box }) => {
      await bindHotPath(host, 'outer');
      const inner = await sshfsHotPath(box, 'outer/in');
      await host.writeFile(MANIFEST, `${COLD_ROOT}/outer ${JOBS_ROOT}/outer\n`);
      await install(host, `[[hot_mounts]]\npath = "${inner.path}"\nunit = "${inner.unit}"\n`);
      await host.writeFile(SENTINEL, '');
      await killSshfs(host, BASE);
      const result = await recover(host, ['--apply']);
      assert.equal(result.status, 0, JSON.stringify(result.answer, null, 1));
      const rounds = result.answer.steps
        .filter(({ kind }) => kind !== 'verify')
        .map(({ kind, path, round }) => `${round ?? 0} ${kind} ${path ?? ''}`);
      const outer = rounds.filter((line) => line.includes('outer'));
      // The first round, or the one after that which waited for the base.
      const [round = ''] = /^\d+/.exec(outer[0] ?? '') ?? [];
      assert.deepEqual(outer.slice(0, 2), [
        `${round} unmount ${JOBS_ROOT}/outer`,
        `${round} bind ${JOBS_ROOT}/outer`,
      ]);
      assert.equal(host.mountsOn(`${JOBS_ROOT}/outer`).length, 1);
      assert.equal(host.mountsOn(inner.path).length, 1);
    });
  });

  test('a crawl on a mount of its own inside a bind that died goes on', async () => {
    await withLab({}, async ({ host, box }) => {
      await bindHotPath(host, 'outer');
      const inner = await sshfsHotPath(box, 'outer/in');
      await host.writeFile(MANIFEST, `${COLD_ROOT}/outer ${JOBS_ROOT}/outer\n`);
      const worker = '[worker]\npoll_seconds = 1\nmin_free_percent = 1\n';
      const own = `[[hot_mounts]]\npath = "${inner.path}"\nunit = "${inner.unit}"\n`;
      const installation = await install(host, worker + own);
      await host.writeFile(SENTINEL, '');
      await addSite(host, installation);
      const id = await addJob(installation, 'in', inner.path);
      await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
      // A crawl that has only begun would still open its directory, by a path that leads through the dead mount.
      const isCrawling = async () => ((await storedJob(host, id)).progress?.bytes ?? 0) > 0;
      await waitFor('the crawl', isCrawling, 60_000);
      await killSshfs(host, BASE);
      const { answer } = await recover(host, ['--apply']);
      // Longer than the worker takes between two looks at the storage of a running crawl, and to confirm what it sees.
      await new Promise((resolve) => setTimeout(resolve, 13_000));
      const { status, attempts } = await storedJob(host, id);
      assert.deepEqual(
        answer.refusals.map(({ code }) => code),
        ['crawl_running', 'outer_first'],
      );
      assert.deepEqual([status, attempts], ['running', 1], JSON.stringify(answer, null, 1));
    });
  });

  test('a crawl in a container, which pins the dead mount, is ended, and goes on', async () => {
    const crawl =
      '/usr/bin/wget -q -r -l inf --delete-after -P /tmp --warc-file={output}/{attempt} --warc-cdx {seeds}';
    const preset = JSON.stringify(['sh', '-c', `${crawl} || test $? -eq 8`]);
    const crawler = `[crawler]\nkind = "container"\nengine = "podman"\nimage = "${CRAWLER_IMAGE}"\npreset = ${preset}\n`;
    await withRecoveryLab(
      {},
      async (lab) => {
        const { host } = lab;
        const containers = async (): Promise<string[]> => {
          const text = await host.runOk(['podman', 'ps', '--all', '--format', '{{.Names}}'], {
            user: 'healtharchive',
          });
          return text.split('\n').filter((name) => name !== '');
        };
        await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
        await importCrawlerImage(host, ['healtharchive']);
        await host.installUnit(`${WORKER_UNIT}.d/limits.conf`, '[Service]\nLimitNPROC=4096\n');
        await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
        const { id } = await lab.job('hc');
        const name = (attempt: number) => `healtharchive-${id}-${String(attempt).padStart(3, '0')}`;
        const { attempts } = await waitFor(
          'the container',
          async () => {
            const job = await lab.job('hc');
            if (!(await containers()).includes(name(job.attempts))) throw new Error(JSON.stringify(job));
            return job;
          },
          40_000,
        );
        await killSshfs(host, BASE);
        const result = await lab.recover('--rearm');
        assert.equal(result.status, 0, JSON.stringify(result.answer, null, 1));
        await lab.assertMounted();
        await waitFor(
          'the next container',
          async () => (await containers()).includes(name(attempts + 1)),
          40_000,
        );
        assert.equal((await containers()).includes(name(attempts)), false);
      },
      crawler,
    );
  });
});
