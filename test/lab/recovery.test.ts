/** `storage recover --apply` with the worker crawling beside it. One host for all cases: each leaves it as it found it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeBoxReadOnly, makeBoxWritable } from '../../lab/faults/box-space.ts';
import { lockSqlite } from '../../lab/faults/database.ts';
import { stackBind, stackTmpfs, unmountBehindTheBack } from '../../lab/faults/mounts.ts';
import { anotherBoot } from '../../lab/faults/clock.ts';
import { holdLock } from '../../lab/faults/control-plane.ts';
import { dropServer, restoreServer } from '../../lab/faults/server.ts';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { COLD_ROOT } from '../../lab/hot-path.ts';
import { WORKER_UNIT } from '../../lab/installation.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import type { Recovered } from './recover.ts';
import { allJobs, kinds, SENTINEL, withRecoveryLab, type JobName, type RecoveryLab } from './recovery-lab.ts';

const DATABASE = '/srv/healtharchive/db/healtharchive.db';
const deployLockMaxAgeSeconds = 3;
const MEMORY = '/srv/healtharchive/ops/watchdog/storage-hotpath-auto-recover.json';

/** One fault and its repair: who must be crawled anew, by another attempt, and who goes on untouched. */
async function repaired(
  lab: RecoveryLab,
  hit: readonly JobName[],
  fault: () => Promise<unknown>,
): Promise<string[]> {
  return kinds(await repair(lab, hit, fault));
}

async function repair(
  lab: RecoveryLab,
  hit: readonly JobName[],
  fault: () => Promise<unknown>,
): Promise<Recovered> {
  for (const name of allJobs) await lab.untilCrawling(name);
  const before = await lab.attempts();
  const archived = Object.fromEntries(
    await Promise.all(allJobs.map(async (name) => [name, await lab.warcs(name, before[name])] as const)),
  );
  const invocation = await lab.invocation();
  await fault();
  const result = await lab.recover('--rearm');
  assert.deepEqual(
    [result.status, result.answer.verdict],
    [0, 'done'],
    JSON.stringify(result.answer, null, 1),
  );
  await lab.assertMounted();
  for (const name of hit) {
    const job = await lab.untilCrawling(name, before[name]);
    assert.deepEqual(
      [job.attempts, job.retry_count],
      [before[name] + 1, 0],
      `${name}: one attempt more, no retry used`,
    );
    assert.ok(
      (await lab.warcs(name, before[name])) >= (archived[name] ?? 0),
      `${name}: what was archived stays`,
    );
  }
  const after = await lab.attempts();
  for (const name of allJobs)
    if (!hit.includes(name)) assert.equal(after[name], before[name], `${name} goes on`);
  assert.equal(await lab.invocation(), invocation, 'the worker was not restarted');
  return result;
}

/** What recovery leaves as it is, with everybody who works on it. */
async function leftAlone(
  lab: RecoveryLab,
  codes: readonly string[],
  status: number,
  fault: () => Promise<unknown>,
  goingOn: readonly JobName[] = allJobs,
): Promise<void> {
  for (const name of goingOn) await lab.untilCrawling(name);
  const before = await lab.attempts();
  // What was broken before and put right by hand is proved first.
  await lab.recover('--rearm');
  await fault();
  const mounts = await lab.host.readFile('/proc/self/mountinfo');
  const result = await lab.recover('--rearm');
  assert.deepEqual(
    result.answer.refusals.map(({ code }) => code).filter((code) => codes.includes(code)),
    codes,
    JSON.stringify(result.answer, null, 1),
  );
  assert.deepEqual([result.status, result.answer.steps], [status, []]);
  assert.equal(await lab.host.readFile('/proc/self/mountinfo'), mounts);
  const after = await lab.attempts();
  for (const name of goingOn) assert.equal(after[name], before[name], `${name} goes on`);
}

/** The worker and every launcher and crawler, at once and without a word, as when the host loses its power; it stays down. */
async function killWithItsCrawls({ host }: RecoveryLab): Promise<void> {
  await host.runOk(['systemctl', 'kill', '--signal=KILL', '--', WORKER_UNIT]);
  await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
}

/** What was seen before the repair, and no file that could not be read. */
async function assertEvidence(lab: RecoveryLab, folder: string): Promise<void> {
  const { host } = lab;
  assert.match(folder, /^\/srv\/healtharchive\/ops\/evidence\/\d{8}T\d{6}\.\d{3}Z-incident$/);
  const summary = JSON.parse(await host.readFile(`${folder}/summary.json`)) as {
    files: { name: string; bytes: number; problem: string | null }[];
  };
  const notKept = summary.files.filter(({ name, problem }) => name !== 'kernel-log.txt' && problem !== null);
  assert.deepEqual(notKept, []);
  const world = JSON.parse(await host.readFile(`${folder}/world.json`)) as {
    confirmedDead: string[];
    mounts: { mountPoint: string; device: string }[];
  };
  const hc = world.mounts.find(({ mountPoint }) => mountPoint === lab.path('hc'));
  assert.ok(hc !== undefined && world.confirmedDead.includes(hc.device), JSON.stringify(world.confirmedDead));
  assert.match(await host.readFile(`${folder}/processes.txt`), /sshfs/);
  assert.match(await host.readFile(`${folder}/units-log.txt`), /healtharchive-storagebox-sshfs/);
  assert.match(await host.readFile(`${folder}/jobs.json`), /"name": "hc"/);
}

/** Mounts another part of the box over what is there, and kills its sshfs. */
async function stackDead({ host, box }: RecoveryLab, path: string): Promise<void> {
  const source = `${box.source}/jobs`;
  await host.runOk(['sshfs', source, path, '-o', box.sshfsOptions], { timeoutMs: 20_000 });
  const [over] = host
    .processes()
    .filter(({ argv }) => argv.includes(source) && (argv[0] ?? '').endsWith('sshfs'));
  assert.ok(over);
  process.kill(over.pid, 'SIGKILL');
  await waitFor('its end', () => host.processes().every(({ pid }) => pid !== over.pid), 5000);
}

test('recovery mends what is broken, and nothing else', { skip: labUnavailable(['sqlite3']) }, async (t) => {
  await withRecoveryLab(
    { serverAliveSeconds: 4 },
    async (lab) => {
      const { host } = lab;

      await t.test('the base is killed under two crawls', async () => {
        const result = await repair(lab, ['hc', 'cihr'], () => killSshfs(host, BASE));
        const steps = kinds(result);
        assert.ok(steps.includes('release hc done') && steps.includes('release cihr done'), String(steps));
        await assertEvidence(lab, result.answer.evidence ?? 'none');
      });

      await t.test('a mount of its own is killed under its crawl', async () => {
        const steps = await repaired(lab, ['own'], () => killSshfs(host, lab.own.path));
        // Whether its crawl has noticed by itself is a matter of a second.
        const others = steps.filter((step) => !step.startsWith('interrupt'));
        assert.deepEqual(others.slice(0, 3), ['unmount own done', 'restart own done', 'verify own done']);
      });

      await t.test(
        'a bind is unmounted under its crawl, which goes on in the directory it opened',
        async () => {
          const steps = await repaired(lab, [], async () => {
            await unmountBehindTheBack(host, lab.path('hc'));
          });
          assert.deepEqual(steps, ['bind hc done', 'verify hc done', 'wake  done']);
        },
      );

      await t.test('the unit of the base was stopped, which killed the binds', async () => {
        const steps = await repaired(lab, ['hc', 'cihr'], () => host.runOk(['systemctl', 'stop', BASE_UNIT]));
        assert.deepEqual(steps.slice(0, 2), ['restart base done', 'verify base done']);
      });

      await t.test('a bind is mounted twice, one over the other, and both died', async () => {
        await lab.untilCrawling('hc');
        await stackBind(host, `${COLD_ROOT}/hc`, lab.path('hc'));
        assert.equal(host.mountsOn(lab.path('hc')).length, 2);
        await repaired(lab, ['hc', 'cihr'], () => killSshfs(host, BASE));
      });

      await t.test('another mount is in the place of a bind: it is left, and its crawl goes on', async () => {
        await leftAlone(lab, ['storage_wrong_source'], 3, async () => {
          await stackTmpfs(host, lab.path('hc'));
        });
        await unmountBehindTheBack(host, lab.path('hc'));
        assert.deepEqual(
          kinds(await lab.recover('--rearm'))[0],
          'verify hc done',
          'what was broken is proved',
        );
      });

      await t.test('a dead layer lies over the living base, and crawls use it: it is left', async () => {
        await leftAlone(lab, ['base_in_use'], 5, () => stackDead(lab, BASE));
        await unmountBehindTheBack(host, BASE);
      });

      await t.test(
        'a dead layer lies over a living bind: recovery and the worker let its crawl go on',
        async () => {
          await leftAlone(lab, ['stacked'], 3, () => stackDead(lab, lab.path('hc')));
          const before = await lab.attempts();
          // Longer than the worker takes between two looks at the storage of a running crawl, and to confirm what it sees.
          await new Promise((resolve) => setTimeout(resolve, 13_000));
          assert.deepEqual(await lab.attempts(), before);
          assert.equal((await lab.job('hc')).status, 'running');
          await unmountBehindTheBack(host, lab.path('hc'));
        },
      );

      await t.test('the base is unmounted under living binds with crawls: it is left', async () => {
        await leftAlone(lab, ['base_in_use'], 5, () => host.runOk(['fusermount3', '-u', BASE]));
      });

      await t.test('and without crawls it is mounted anew, with all that is bound from it', async () => {
        await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
        const result = await lab.recover('--rearm');
        assert.deepEqual(result.answer.verdict, 'done', JSON.stringify(result.answer, null, 1));
        assert.deepEqual(kinds(result).slice(0, 2), ['restart base done', 'verify base done']);
        await lab.assertMounted();
      });

      await t.test(
        'the base is killed while the worker is down: repaired, and the worker left alone',
        async () => {
          await killSshfs(host, BASE);
          const result = await lab.recover('--rearm');
          assert.deepEqual([result.status, result.answer.verdict], [0, 'done']);
          assert.equal(
            kinds(result).some((step) => step.startsWith('interrupt')),
            false,
          );
          await lab.assertMounted();
          assert.equal(await host.activeState(WORKER_UNIT), 'inactive');
          await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
        },
      );

      await t.test(
        'the server is away: nothing is touched, and when it is back nothing is to be done',
        async () => {
          await leftAlone(
            lab,
            ['storage_degraded', 'storage_degraded', 'storage_degraded', 'storage_degraded'],
            3,
            () => dropServer(lab.box),
            ['local'],
          );
          await restoreServer(lab.box);
          const isWell = async () => (await lab.recover()).status === 0;
          await waitFor('the storage to be back', isWell, 60_000);
        },
      );

      await t.test('two at once: the second ends at once', async () => {
        await killSshfs(host, BASE);
        const argv = ['healtharchive', 'storage', 'recover', '--apply', '--rearm'];
        const both = await Promise.all([1, 2].map(() => host.run(argv, { timeoutMs: 60_000 })));
        assert.deepEqual(both.map(({ status }) => status).sort(), [0, 75], JSON.stringify(both, null, 1));
        await lab.assertMounted();
      });

      await t.test(
        'a deploy holds it back, but not for ever, and a lock file that nobody holds does not',
        async () => {
          await killSshfs(host, lab.own.path);
          const deploy = await holdLock(host);
          const held = await lab.recover('--rearm');
          assert.deepEqual(
            [held.status, held.answer.verdict, held.answer.refusals.map(({ code }) => code)],
            [5, 'refused', ['deploy_lock']],
          );
          assert.equal(host.mountsOn(lab.own.path).length, 1, 'the dead mount is still there');
          await new Promise((resolve) => setTimeout(resolve, deployLockMaxAgeSeconds * 1000));
          const stale = await lab.recover();
          assert.deepEqual(
            [stale.status, stale.answer.refusals.map(({ code }) => code)],
            [3, ['deploy_lock_stale']],
            JSON.stringify(stale.answer, null, 1),
          );
          await lab.assertMounted();
          await deploy.release();
          // One that begins in the middle of a repair is not hurt: the repair leaves the rest to the next run.
          await lab.untilCrawling('own');
          await killSshfs(host, lab.own.path);
          const free = await lab.recover('--rearm');
          assert.equal(free.status, 0, JSON.stringify(free.answer, null, 1));
          await lab.assertMounted();
        },
      );

      await t.test('without its sentinel it refuses, unless it is forced', async () => {
        await host.runOk(['rm', SENTINEL]);
        assert.deepEqual(
          [(await lab.recover()).status, (await lab.recover('--force-without-sentinel')).status],
          [5, 0],
        );
        await host.writeFile(SENTINEL, '');
      });

      await t.test('without its database it repairs, and says so', async () => {
        for (const name of ['hc', 'cihr', 'own'] as const) await lab.untilCrawling(name);
        await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
        await host.runOk(['mv', DATABASE, `${DATABASE}.away`]);
        await killSshfs(host, BASE);
        const { status, answer } = await lab.recover('--rearm');
        assert.deepEqual(
          [status, answer.verdict, answer.refusals.map(({ code }) => code)],
          [3, 'attention', ['jobs_unknown']],
        );
        await host.runOk(['mv', `${DATABASE}.away`, DATABASE]);
        await lab.assertMounted();
      });

      await t.test('jobs whose worker and crawler are gone are given back, and go on', async () => {
        assert.equal(await host.activeState(WORKER_UNIT), 'inactive');
        await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
        for (const name of ['hc', 'local'] as const) await lab.untilCrawling(name);
        const before = await lab.attempts();
        await killWithItsCrawls(lab);
        assert.equal((await lab.job('local')).status, 'running', 'nobody could say that it ended');
        const boot = await anotherBoot(host);
        const steps = kinds(await lab.recover('--rearm'));
        await boot.restore();
        assert.ok(
          steps.some((step) => step.startsWith('return ')),
          steps.join(),
        );
        assert.notEqual((await lab.job('local')).status, 'running');
        await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
        for (const name of ['hc', 'local'] as const) {
          const { attempts, retry_count: retries } = await lab.untilCrawling(name, before[name]);
          assert.deepEqual([attempts, retries], [before[name] + 1, 0], name);
        }
      });

      await t.test(
        'its database is locked: crawls are ended all the same, and their jobs go on later',
        async () => {
          for (const name of allJobs) await lab.untilCrawling(name);
          const before = await lab.attempts();
          const job = await lab.job('hc');
          await host.runOk(['kill', '-STOP', '--', await lab.crawlGroup(job)]);
          await killSshfs(host, BASE);
          const waits = async () => (await lab.job('cihr')).infra_retry_ms !== null;
          await waitFor('cihr to wait for its storage', waits, 20_000);
          const database = await lockSqlite(host, DATABASE);
          const locked = await lab.recover('--rearm');
          const because = JSON.stringify(locked.answer, null, 1);
          assert.ok(kinds(locked).includes('interrupt hc done'), because);
          assert.deepEqual(
            [locked.status, locked.answer.refusals.map(({ code }) => code)],
            [3, ['jobs_not_changed']],
            because,
          );
          await database.release();
          await lab.assertMounted();
          // Its worker may say only now how the crawl ended: then it takes another run to let it go on.
          const hasEnded = async () => (await lab.job('hc')).crawler_status === 'infra_error';
          await waitFor('the worker to say how it ended', hasEnded, 20_000);
          await lab.recover();
          for (const name of ['hc', 'cihr'] as const) await lab.untilCrawling(name, before[name]);
          const after = await lab.attempts();
          assert.deepEqual([after.own, after.local], [before.own, before.local], 'the others go on');
        },
      );

      await t.test('the box is read-only: mounted again, raised, and no crawl starts on it', async () => {
        for (const name of allJobs) await lab.untilCrawling(name);
        const before = await lab.attempts();
        // A file system with files open for writing can't be made read-only: their crawls end first.
        for (const path of [BASE, lab.own.path]) await killSshfs(host, path);
        const isReadOnly = async () => {
          await makeBoxReadOnly(lab.box);
          return true;
        };
        await waitFor('the box to be read-only', isReadOnly, 10_000);
        const { status, answer } = await lab.recover('--rearm');
        const proofs = answer.steps.filter(({ outcome }) => outcome === 'failed');
        assert.equal(status, 1, JSON.stringify(answer, null, 1));
        assert.ok(
          proofs.length > 0 &&
            proofs.every(({ kind, error }) => kind === 'verify' && (error ?? '').includes('unwritable')),
          JSON.stringify(proofs),
        );
        await new Promise((resolve) => setTimeout(resolve, 3000));
        const during = await lab.attempts();
        assert.deepEqual([during.hc, during.cihr, during.local], [before.hc, before.cihr, before.local]);
        await makeBoxWritable(lab.box);
        assert.equal((await lab.recover('--rearm')).status, 0);
        await lab.assertMounted();
        await lab.untilCrawling('hc', before.hc);
      });

      await t.test('what it remembers can’t be read: it is set aside, and counts as one repair', async () => {
        await host.writeFile(MEMORY, '{ "recoveries": [');
        await killSshfs(host, lab.own.path);
        const { status, answer } = await lab.recover();
        assert.deepEqual([status, answer.refusals.map(({ code }) => code)], [5, ['backoff']]);
        assert.match(await host.runOk(`ls ${MEMORY}.unreadable-*`), /unreadable/);
        assert.equal((await lab.recover('--rearm')).status, 0);
      });

      await t.test('all is well: nothing is done', async () => {
        const { status, answer } = await lab.recover();
        assert.deepEqual([status, answer.verdict, answer.steps], [0, 'nothing_to_do', []]);
      });
    },
    // One job is hit by one fault after the other, more often than recovery would release it in a day.
    `[deploy]\nlock_max_age_seconds = ${deployLockMaxAgeSeconds}\n[recovery]\nmax_per_job_per_day = 100\n`,
  );
});
