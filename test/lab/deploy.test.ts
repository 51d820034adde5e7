/** Deploys on a server that was installed by the install page: while it crawls, killed at each step, with broken releases, with migrations. */
import assert from 'node:assert/strict';
import { existsSync, readlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { CHECKOUT } from '../../lab/bare-host.ts';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { WORKER_UNIT } from '../../lab/installation.ts';
import { storedJob, storedJobs, type StoredJob } from '../../lab/jobs.ts';
import { type Flaw, type HoldPoint, ReleaseRepository, REPOSITORY } from '../../lab/release-repository.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { statementsOfOriginal } from '../store/original.ts';
import { installedHost, runPage, SITE, type InstalledHost } from './installed-host.ts';

interface Answer {
  readonly verdict: string;
  readonly reason: string;
  readonly steps: readonly {
    readonly kind: string;
    readonly because: string;
    readonly unit?: string;
    readonly release?: string;
    readonly outcome?: string;
    readonly error?: string;
  }[];
  readonly refusals: readonly { readonly code: string }[];
}

const CURRENT = '/opt/healtharchive/current';
const RELEASES = '/opt/healtharchive/releases';
const LOCK = '/run/healtharchive/deploy.lock';
const HOT = '/srv/healtharchive/jobs';
const TIMER = 'healtharchive-metrics.timer';
const isFull = process.env['HEALTHARCHIVE_TEST_FULL'] === '1';
/** Where a deploy can be killed, in its order; `copy` is met by its folder. */
const beforeSwitch = ['pack', 'setup', 'check', 'copy', 'ops-install---json', 'db-migrate-'] as const;

describe('deploys', { skip: labUnavailable(['git', 'npm', 'sqlite3']) }, () => {
  let installed: InstalledHost;
  let repository: ReleaseRepository;
  before(async () => {
    installed = await installedHost('deploy');
    repository = await ReleaseRepository.on(installed.host, CHECKOUT);
  });
  after(() => installed.close());

  async function ask(...args: string[]): Promise<{ status: number | null; answer: Answer }> {
    const argv = ['healtharchive', 'deploy', ...args, '--json'];
    const { status, stdout, stderr } = await installed.host.run(argv, { timeoutMs: 120_000 });
    assert.ok(stdout.startsWith('{'), `${argv.join(' ')}\nended with ${status}\n${stdout}${stderr}`);
    return { status, answer: JSON.parse(stdout) as Answer };
  }

  /** Each step with what came of it. */
  const told = ({ steps }: Answer): string =>
    steps
      .map(({ kind, unit, outcome }) => `${kind}${unit === undefined ? '' : ':worker'} ${outcome ?? ''}`)
      .join(', ');

  const from = (tag: string): string[] => ['--from', REPOSITORY, '--ref', tag];

  async function deployed(tag: string, ...more: string[]): Promise<Answer> {
    const { status, answer } = await ask(...from(tag), '--apply', ...more);
    assert.deepEqual([status, answer.verdict], [0, 'done'], JSON.stringify(answer, null, 1));
    return answer;
  }

  const current = (): string => readlinkSync(installed.host.fromOutside(CURRENT)).replace('releases/', '');

  /** The release that the worker runs. */
  async function workerRelease(): Promise<string> {
    const pid = await installed.host.unitProperty(WORKER_UNIT, 'MainPID');
    return (await installed.host.runOk(`readlink /proc/${pid}/exe`)).split('/')[4] ?? '';
  }

  async function off(): Promise<string[]> {
    const { stdout } = await installed.host.run(['healtharchive', 'ops', 'verify', '--json'], {
      timeoutMs: 30_000,
    });
    const { checks } = JSON.parse(stdout) as {
      checks: { code: string; ok: boolean; detail: string }[];
    };
    return checks
      .filter(({ ok, code }) => !ok && !code.endsWith('_switch'))
      .map(({ code, detail }) => `${code}: ${detail}`);
  }

  async function untilIdle(): Promise<void> {
    await waitFor(
      'all jobs to end',
      async () =>
        (await storedJobs(installed.host)).every(({ status }) => ['completed', 'cancelled'].includes(status)),
      90_000,
    );
  }

  async function addJob(name: string, waitSeconds: string): Promise<number> {
    const { host } = installed;
    const asWorker = { user: 'healtharchive' };
    const source = ['--code', name, '--name', name, '--seed', SITE, '--wait-seconds', waitSeconds];
    await host.runOk(['healtharchive', 'sources', 'add', ...source], asWorker);
    await host.runOk(`echo '${BASE}/jobs/${name} ${HOT}/${name}' >>/etc/healtharchive/warc-tiering.binds`);
    await host.runOk(['healtharchive', 'storage', 'tier', '--apply']);
    const job = ['--source', name, '--name', name, '--output-dir', name, '--json'];
    const { id } = JSON.parse(
      await host.runOk(['healtharchive', 'jobs', 'add', ...job], asWorker),
    ) as StoredJob;
    await waitFor(
      `job ${id} to crawl`,
      async () => ((await storedJob(host, id)).progress?.pages ?? 0) > 2,
      60_000,
    );
    return id;
  }

  test('the plan changes nothing; then it is carried out, and there is nothing left to do', async () => {
    await untilIdle();
    const name = await repository.commit('first', { changedUnit: TIMER });
    const before = current();
    const plan = await ask(...from('first'));
    assert.deepEqual([plan.status, plan.answer.verdict], [3, 'planned']);
    const kinds =
      'fetch , build , check , release , try , migrate , switch , restart , restart:worker , prove ';
    assert.equal(told(plan.answer), kinds);
    assert.equal(current(), before);
    const waiting = await installed.host.unitProperty(TIMER, 'ActiveEnterTimestampMonotonic');

    const answer = await deployed('first');
    assert.equal(told(answer), kinds.replaceAll(' ,', ' done,').replace(/ $/, ' done'));
    assert.equal(current(), name);
    assert.equal(await workerRelease(), name);
    assert.notEqual(await installed.host.unitProperty(TIMER, 'ActiveEnterTimestampMonotonic'), waiting);
    assert.deepEqual(await off(), []);
    const again = await ask(...from('first'), '--apply');
    assert.deepEqual([again.status, again.answer.verdict, told(again.answer)], [0, 'nothing_to_do', '']);
  });

  test('what can’t be meant is said, and changes nothing', async () => {
    const { host } = installed;
    const before = current();
    for (const [args, words] of [
      [from('no-such-tag'), /no-such-tag of \/srv\/git\/healtharchive can’t be fetched: .*no-such-tag/],
      [['--from', '/etc'], /can’t be fetched: .*\/etc/],
      [['--from', 'http://user:hunter2@127.0.0.1:9/x.git'], /can’t be fetched/],
      [[], /needs --from/],
      [['rollback', '--ref', 'x'], /takes no --from/],
      [['--from', '/etc', '--skip-restart', '--force-restart'], /exclude each other/],
    ] as const) {
      const { status, stderr } = await host.run(['healtharchive', 'deploy', ...args, '--apply'], {
        timeoutMs: 60_000,
      });
      assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /hunter2/);
    }
    await host.runOk(
      'mkdir -p /srv/git/other && cd /srv/git/other && git init -q . && git -c user.name=x -c user.email=x commit -q --allow-empty -m x',
    );
    const other = await host.run(['healtharchive', 'deploy', '--from', '/srv/git/other', '--apply']);
    assert.deepEqual([other.status, other.stderr.includes('is not HealthArchive')], [1, true], other.stderr);
    assert.equal(current(), before);
    assert.deepEqual(await off(), []);
  });

  /** At which step it fails, and whether it was put in use before. */
  const flaws: readonly (readonly [Flaw | 'shutting_out', string, RegExp, isSwitched: boolean])[] = [
    ['setup_fails', 'build', /no such package/, false],
    ['check_fails', 'check', /npm ended with 1/, false],
    ['throws', 'try', /this release does not start/, false],
    ['rejects_configuration', 'try', /key x is unknown/, false],
    ['shutting_out', 'try', /no way back/, false],
    ['worker_ends', 'restart', /does not come up[^]*this worker ends/, true],
  ];
  /** Others end at the same steps. */
  const extra: readonly string[] = ['setup_fails', 'rejects_configuration'];
  for (const [flaw, step, error, isSwitched] of flaws.filter(([flaw]) => isFull || !extra.includes(flaw)))
    test(`a release with a flaw (${flaw}) is not what is left in use`, async () => {
      const before = current();
      const options = flaw === 'shutting_out' ? ({ migration: flaw } as const) : { flaw };
      const broken = await repository.commit(flaw, { ...options, changedUnit: TIMER });
      const { status, answer } = await ask(...from(flaw), '--apply');
      assert.deepEqual([status, answer.verdict], [1, 'failed'], told(answer));
      const failed = answer.steps.find(({ outcome }) => outcome === 'failed');
      assert.equal(failed?.kind, step, told(answer));
      assert.match(failed.error ?? '', error);
      const back = 'switch done, restart done, restart:worker done, prove done';
      assert.equal(told(answer).endsWith(back), isSwitched, told(answer));
      assert.match(
        answer.reason,
        isSwitched
          ? new RegExp(`${broken} is not healthy; ${before} is in use again`)
          : /nothing was put in use/,
      );
      assert.equal(current(), before);
      assert.equal(await workerRelease(), before);
      assert.deepEqual(await off(), []);
    });

  test('killed at each step, and run again: what runs stays whole, and the last run leaves nothing behind', async () => {
    const { host } = installed;
    const old = current();
    const next = await repository.commit('killed', { migration: 'additive', changedUnit: TIMER });
    const points: readonly (HoldPoint | 'copy')[] = isFull
      ? [...beforeSwitch, 'ops-install---apply', 'worker-run-', 'storage-recover---json']
      : ['setup', 'copy', 'db-migrate-', 'ops-install---apply', 'storage-recover---json'];
    for (const point of points) {
      if (point !== 'copy') await repository.holdAt(point);
      const argv = `echo $$ >/run/deploy.pid; exec healtharchive deploy ${from('killed').join(' ')} --apply`;
      host.start(['sh', '-c', argv]);
      const copying = host.fromOutside(`${RELEASES}/${next}.unfinished/dist`);
      await waitFor(
        `the deploy to come to ${point}`,
        async () => (point === 'copy' ? existsSync(copying) : await repository.hasReached(point)),
        60_000,
      );
      await host.runOk('kill -9 $(cat /run/deploy.pid)');
      const isSwitched = point === 'worker-run-' || point === 'storage-recover---json';
      if (point !== 'copy' && point !== 'pack' && point !== 'worker-run-') {
        // What it had started goes on without it, and holds the lock: nobody clears away under it.
        const refused = await ask(...from('killed'), '--apply');
        assert.deepEqual([refused.status, refused.answer.refusals[0]?.code], [5, 'deploy_lock'], point);
      }
      if (point !== 'copy') await repository.letGo(point);
      await waitFor(
        `the lock of ${point}`,
        async () => (await host.run(['flock', '-n', LOCK, 'true'])).status === 0,
        30_000,
      );
      // Of the switch the program of the new release is in charge: it goes on alone.
      assert.equal(current(), isSwitched || point === 'ops-install---apply' ? next : old, point);
      await waitFor('the worker', async () => (await host.activeState(WORKER_UNIT)) === 'active', 10_000);
      const left = await off();
      assert.ok(
        left.length > 0 && left.every((line) => line.startsWith('deploy_left')),
        `${point}: ${left.join('\n')}`,
      );
    }
    assert.match((await off()).join('\n'), /broken off before it was seen to be healthy/);
    const answer = await deployed('killed');
    assert.equal(told(answer).includes('prove done'), true);
    assert.equal(current(), next);
    assert.equal(await workerRelease(), next);
    assert.deepEqual(await off(), []);
    assert.doesNotMatch(await host.runOk(`ls ${RELEASES}`), /unfinished/);
  });

  test('the upgrade page’s own commands: there, and back with the migrated database', async () => {
    const before = current();
    const next = await repository.commit('paged', { changedUnit: TIMER });
    const seen: string[] = [];
    await runPage(installed.host, 'deployment/upgrade.md', async (command) => {
      if (!command.endsWith('--apply')) return;
      seen.push(current());
      assert.equal(await workerRelease(), current());
    });
    assert.deepEqual(seen, [next, before]);
    assert.deepEqual(await off(), []);
    const again = await ask('rollback');
    assert.deepEqual([again.status, again.answer.verdict], [3, 'planned'], 'further back there is one, too');
  });

  test('a crawl goes on untouched, through a deploy without restarts and one with; the worker follows when it is idle', async () => {
    const { host } = installed;
    await repository.commit('skipping');
    await repository.commit('restarting', { changedUnit: TIMER });
    const id = await addJob('long', '1');
    const old = await workerRelease();
    const launcher = (): string =>
      host
        .processes()
        .filter(({ argv }) => argv.some((word) => word.endsWith('launcher.js')))
        .map(({ pid }) => pid)
        .join(' ');
    const crawling = launcher();
    assert.notEqual(crawling, '');
    const skipping = await deployed('skipping', '--skip-restart');
    assert.doesNotMatch(told(skipping), /restart/);
    assert.match((await off()).join('\n'), /^deploy_left: the worker still runs release/);
    const restarting = await deployed('restarting');
    assert.match(told(restarting), /restart:worker skipped, prove done/);
    assert.match(restarting.reason, /1 job runs; left for later/);
    assert.deepEqual([launcher(), await workerRelease()], [crawling, old]);
    const { attempts, status } = await storedJob(host, id);
    assert.deepEqual([attempts, status], [1, 'running'], 'it is the same crawl, and it still runs');
    await host.runOk(['healtharchive', 'jobs', 'cancel', String(id)], { user: 'healtharchive' });
    await untilIdle();
    assert.equal((await storedJob(host, id)).attempts, 1);
    const later = await deployed('restarting');
    assert.equal(told(later), 'fetch done, restart:worker done, prove done');
    assert.equal(await workerRelease(), current());
    assert.deepEqual(await off(), []);
  });

  test('stopped before the switch nothing is switched; a worker that an operator stops meanwhile stays down', async () => {
    const { host } = installed;
    const before = current();
    const next = await repository.commit('stopped');
    await repository.holdAt('db-migrate-');
    const argv = `echo $$ >/run/deploy.pid; exec healtharchive deploy ${from('stopped').join(' ')} --apply`;
    const stopped = host.start(['sh', '-c', argv]);
    await waitFor('the migration', () => repository.hasReached('db-migrate-'), 60_000);
    await host.runOk('kill -INT $(cat /run/deploy.pid)');
    await repository.letGo('db-migrate-');
    await stopped.ended;
    assert.equal(current(), before);
    assert.deepEqual(await off(), []);

    await repository.holdAt('db-migrate---dry-run');
    const deploy = deployed('stopped');
    await waitFor('its trial', () => repository.hasReached('db-migrate---dry-run'), 60_000);
    await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 60_000 });
    await repository.letGo('db-migrate---dry-run');
    await deploy;
    assert.deepEqual([current(), await host.activeState(WORKER_UNIT)], [next, 'inactive']);
    await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 60_000 });
  });

  test('storage that breaks during a deploy is left until it is over, and mended then', async () => {
    const { host } = installed;
    await host.runOk('touch /etc/healtharchive/storage-hotpath-auto-recover-enabled');
    const id = await addJob('broken', '0.1');
    await repository.commit('meanwhile');
    await repository.holdAt('check');
    const deploy = deployed('meanwhile');
    await waitFor('the check', () => repository.hasReached('check'), 60_000);
    await killSshfs(host, BASE);
    await waitFor(
      'the attempt to end',
      async () => (await storedJob(host, id)).crawler_status === 'infra_error',
      60_000,
    );
    // Until it is back there is nothing to be done about its binds, and nothing to be refused.
    await waitFor('the base', async () => (await host.activeState(BASE_UNIT)) === 'active', 20_000);
    const { verdict, refusals } = await waitFor(
      'recovery to answer',
      async () => {
        const argv = ['healtharchive', 'storage', 'recover', '--apply', '--json'];
        const { status, stdout } = await host.run(argv, { timeoutMs: 60_000 });
        // 75: the run that the base's end has started is at work still.
        return status === 75 ? null : (JSON.parse(stdout) as Answer);
      },
      30_000,
    );
    assert.equal(verdict, 'refused');
    assert.ok(
      refusals.some(({ code }) => code === 'deploy_lock'),
      JSON.stringify(refusals),
    );
    assert.equal((await storedJob(host, id)).attempts, 1);
    await repository.letGo('check');
    await deploy;
    const endedMs = performance.now();
    await waitFor('the crawl to go on', async () => (await storedJob(host, id)).attempts === 2, 60_000);
    // Recovery is asked to look when the deploy is over: it does not wait for its timer, of 30 s.
    assert.ok(performance.now() - endedMs < 20_000, `${performance.now() - endedMs} ms`);
    await untilIdle();
    assert.deepEqual([(await storedJob(host, id)).attempts, await off()], [2, []]);
  });

  test('the newest five are kept, what is in use and what to go back to among them', async () => {
    const { host } = installed;
    const names = (await host.runOk(`ls ${RELEASES}`)).trim().split('\n');
    assert.ok(names.includes(current()));
    assert.ok(names.length <= 7, names.join(' '));
    assert.equal((await ask('rollback')).status, 3);
  });

  test('over from the original and back, by the page’s own commands', async () => {
    const { host } = installed;
    const original = '/srv/healtharchive/healtharchive.db';
    const input = statementsOfOriginal('sqlite', HOT).join(';\n');
    await host.runOk(['sqlite3', original], { input });
    // What it has archived of it is on the box.
    await host.runOk(['mkdir', '-p', `${BASE}/jobs/hc-20260101`], { user: 'healtharchive' });
    const unit = '[Unit]\nDescription=Worker of the original\n[Service]\nExecStart=/bin/sleep infinity\n';
    await host.installUnit(WORKER_UNIT, unit);
    await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
    const digest = async (): Promise<string> => await host.runOk(['sha256sum', original]);
    const before = await digest();
    const sentinel = '/etc/healtharchive/storage-hotpath-auto-recover-enabled';
    await host.runOk(['touch', sentinel]);

    let taken: readonly StoredJob[] = [];
    await runPage(host, 'deployment/from-the-original.md', async (command) => {
      if (!command.endsWith('healtharchive jobs list')) return;
      taken = (await storedJobs(host)).filter(({ output_dir: path }) => /\/(hc|phac)-/.test(path));
      assert.equal(await workerRelease(), current(), 'the worker is ours');
      assert.equal(await host.exists(sentinel), false, 'nothing is switched on by what the original had on');
      assert.equal(host.mountsOn(`${HOT}/hc-20260101`).length, 1, 'the annual job has its place on the box');
    });
    assert.deepEqual(
      taken.map(({ output_dir: path, status }) => [
        path.replace(`${HOT}/`, ''),
        status === 'running' ? 'retryable' : status,
      ]),
      [
        ['hc-20250101', 'completed'],
        ['hc-20260101', 'retryable'],
        ['phac-20250101', 'completed'],
        ['hc-running', 'retryable'],
      ],
    );
    assert.equal(await host.readFile(`/etc/systemd/system/${WORKER_UNIT}`), unit);
    assert.equal(await host.activeState(WORKER_UNIT), 'active');
    assert.match(
      await host.runOk(`cat /proc/$(systemctl show --value -p MainPID ${WORKER_UNIT})/cmdline`),
      /sleep/,
    );
    assert.equal(await host.exists(sentinel), true);
    assert.equal(await digest(), before, 'its database was only read');
  });
});
