/** The worker is down: it comes back by itself when it should, and stays down when somebody should look first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEPLOY_LOCK, holdLock } from '../../lab/faults/control-plane.ts';
import { allowRestart, killSshfs } from '../../lab/faults/sshfs.ts';
import { shippedUnit, WORKER_UNIT } from '../../lab/installation.ts';
import { DATABASE } from '../../lab/jobs.ts';
import type { LabProcess } from '../../lab/processes.ts';
import { startPrometheus, type Prometheus } from '../../lab/prometheus.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE, BASE_UNIT, mountBase } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { allJobs, withRecoveryLab, type RecoveryLab } from './recovery-lab.ts';
import type { Plan } from './tier.ts';

const AUTO_START = 'healtharchive-worker-auto-start';
const RECOVERY = 'healtharchive-storage-hotpath-auto-recover';
const METRICS = 'healtharchive-metrics';
const DOWN = 'HealthArchiveWorkerDownWhileJobsPending';
const SENTINEL = '/etc/healtharchive/worker-auto-start-enabled';
const MEMORY = '/srv/healtharchive/ops/watchdog/worker-auto-start.json';

async function autoStart(
  { host }: RecoveryLab,
  ...args: string[]
): Promise<{ status: number | null; plan: Plan }> {
  const { status, stdout, stderr } = await host.run(
    ['healtharchive', 'worker', 'auto-start', '--json', ...args],
    {
      timeoutMs: 120_000,
    },
  );
  try {
    return { status, plan: JSON.parse(stdout) as Plan };
  } catch (error) {
    throw new Error(`no plan: ${stdout} ${stderr}`, { cause: error });
  }
}

/** It is refused with this code, and the worker stays down. */
async function assertRefused(lab: RecoveryLab, code: string): Promise<void> {
  const { status, plan } = await autoStart(lab, '--apply');
  assert.deepEqual(
    [status, plan.verdict, plan.refusals.map((refusal) => refusal.code)],
    [5, 'refused', [code]],
    JSON.stringify(plan),
  );
  assert.notEqual(await lab.host.activeState(WORKER_UNIT), 'active');
}

async function stopWorker({ host }: RecoveryLab): Promise<void> {
  await host.runOk(['systemctl', 'stop', WORKER_UNIT], { timeoutMs: 120_000 });
}

async function untilAllCrawl(lab: RecoveryLab): Promise<void> {
  for (const name of allJobs) await lab.untilCrawling(name);
}

test(
  'the worker is down',
  { skip: labUnavailable(['wget', 'sqlite3', 'prometheus', 'prometheus-node-exporter']) },
  async (t) => {
    await withRecoveryLab(
      { serverAliveSeconds: 4 },
      async (lab) => {
        const { host } = lab;
        let prometheus: Prometheus | null = null;
        /** Alerts that are raised or on their way, but for those of automations that are switched on and off here. */
        const worrying = async (): Promise<string[]> =>
          ((await prometheus?.alerts()) ?? [])
            .filter(({ name }) => name !== 'HealthArchiveAutomationSilent')
            .map(({ name, state }) => `${name} ${state}`);
        for (const kind of ['service', 'timer'])
          await host.installUnit(`${AUTO_START}.${kind}`, shippedUnit(`${AUTO_START}.${kind}`));
        await host.runOk(['systemctl', 'enable', '--quiet', WORKER_UNIT]);
        await untilAllCrawl(lab);

        await t.test('it runs: there is nothing to do, switched on or not', async () => {
          const { status, plan } = await autoStart(lab);
          assert.deepEqual([status, plan.verdict, plan.refusals], [0, 'nothing_to_do', []]);
        });

        await t.test('switched off, it is shown, and not done', async () => {
          await stopWorker(lab);
          const { status, plan } = await autoStart(lab);
          assert.deepEqual(
            [status, plan.verdict, plan.steps.map(({ kind }) => kind), plan.refusals.map(({ code }) => code)],
            [3, 'planned', ['start'], ['no_sentinel']],
          );
          const page = await host.run(['healtharchive', 'worker', 'auto-start'], { timeoutMs: 30_000 });
          assert.match(page.stdout, /^start {4}healtharchive-worker\.service$/m);
          assert.match(page.stdout, /but what was left alone holds it back\.$/m);
          await assertRefused(lab, 'no_sentinel');
          await host.writeFile(SENTINEL, '');
        });

        await t.test('a deploy runs: it waits', async () => {
          const deploy = await holdLock(host, DEPLOY_LOCK);
          await assertRefused(lab, 'deploy_lock');
          await deploy.release();
        });

        await t.test(
          'the base is not mounted, and its directory can be read all the same: it waits',
          async () => {
            await host.runOk(['systemctl', 'stop', BASE_UNIT], { timeoutMs: 20_000 });
            await host.runOk(['ls', BASE]);
            await assertRefused(lab, 'storage_not_healthy');
            await mountBase(lab.box);
          },
        );

        await t.test('recovery that finds it down asks for it at its end, and all crawl', async () => {
          assert.equal((await lab.recover('--rearm')).status, 0);
          await waitFor('the worker', async () => (await host.activeState(WORKER_UNIT)) === 'active', 60_000);
          await untilAllCrawl(lab);
          await stopWorker(lab);
          await host.runOk(['rm', MEMORY]);
        });

        await t.test('a job is said to run here: a person looks first', async () => {
          const setStatus = async (from: string, to: string): Promise<void> => {
            const sql = `update jobs set status = '${to}' where id = 1 and status = '${from}'`;
            await host.runOk(['sqlite3', '-cmd', '.timeout 5000', DATABASE, sql], { user: 'healtharchive' });
          };
          const { status } = await lab.job('hc');
          await setStatus(status, 'running');
          await assertRefused(lab, 'job_running');
          await setStatus('running', status);
        });

        await t.test('masked by an operator, it stays down', async () => {
          await host.runOk(['systemctl', 'disable', '--quiet', WORKER_UNIT]);
          await assertRefused(lab, 'unit_disabled');
          await host.runOk(['systemctl', 'enable', '--quiet', WORKER_UNIT]);
        });

        await t.test('jobs wait and their storage is there: its unit starts it, and all crawl', async () => {
          await host.runOk(['systemctl', 'start', `${AUTO_START}.service`], { timeoutMs: 120_000 });
          assert.equal(await host.activeState(WORKER_UNIT), 'active');
          await untilAllCrawl(lab);
          const memory = JSON.parse(await host.readFile(MEMORY)) as { starts: unknown[] };
          assert.equal(memory.starts.length, 1);
        });

        await t.test('what it remembers is torn: it is kept, and counts as a start', async () => {
          await stopWorker(lab);
          await host.writeFile(MEMORY, '{"starts": [');
          await assertRefused(lab, 'start_cooldown');
          assert.match(await host.runOk(`cat ${MEMORY}.unreadable-*`), /^\{"starts": \[/);
        });

        await t.test('it keeps dying: that is raised, and nothing is started in a loop', async () => {
          const dropIn = `${WORKER_UNIT}.d/dies.conf`;
          await host.installUnit(dropIn, '[Service]\nExecStart=\nExecStart=/bin/false\nRestartSec=200ms\n');
          await host.run(['systemctl', 'start', '--no-block', WORKER_UNIT]);
          await autoStart(lab, '--apply');
          await waitFor(
            'some more deaths',
            async () => Number(await host.unitProperty(WORKER_UNIT, 'NRestarts')) > 8,
            20_000,
          );
          const { status, plan } = await autoStart(lab, '--apply');
          assert.deepEqual(
            [status, plan.verdict, plan.steps, plan.refusals.map(({ code }) => code)],
            [3, 'attention', [], ['worker_keeps_dying']],
            JSON.stringify(plan),
          );
          await host.removeUnit(dropIn);
          await host.runOk(['systemctl', 'restart', WORKER_UNIT], { timeoutMs: 60_000 });
          await untilAllCrawl(lab);
        });

        await t.test(
          'recovery mends the base while it looks, and asks for it in vain: it looks again',
          async () => {
            await stopWorker(lab);
            await killSshfs(host, BASE, { keepDown: BASE_UNIT });
            const isJobsChild = ({ argv }: LabProcess): boolean =>
              argv.some((word) => word.includes('jobs-child'));
            await host.runOk(['systemctl', 'start', '--no-block', `${AUTO_START}.service`]);
            // Its first look takes until the deadline of its question about jobs, and starts nothing.
            const { pid } = await waitFor('it to look', () => host.processes().find(isJobsChild), 10_000);
            process.kill(pid, 'SIGSTOP');
            await allowRestart(host, BASE_UNIT);
            assert.equal((await lab.recover('--rearm')).status, 0);
            assert.equal(await host.activeState(`${AUTO_START}.service`), 'activating');
            await waitFor(
              'the worker',
              async () => (await host.activeState(WORKER_UNIT)) === 'active',
              60_000,
            );
            await untilAllCrawl(lab);
          },
        );

        await t.test(
          'down with nobody who starts it, an alert is on its way, and goes when it runs',
          async () => {
            prometheus = await startPrometheus(host);
            for (const kind of ['service', 'timer'])
              await host.installUnit(`${METRICS}.${kind}`, shippedUnit(`${METRICS}.${kind}`));
            // Written each second, so that nothing that Prometheus could see is missed.
            await host.installUnit(
              `${METRICS}.timer.d/often.conf`,
              '[Timer]\nOnUnitInactiveSec=\nOnActiveSec=0\nOnUnitInactiveSec=1s\nAccuracySec=100ms\n',
            );
            await host.runOk(['systemctl', 'enable', '--now', '--quiet', `${METRICS}.timer`]);
            await stopWorker(lab);
            const isPending = async (): Promise<boolean> => (await worrying()).includes(`${DOWN} pending`);
            await waitFor('the alert to be on its way', isPending, 20_000);
            await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 60_000 });
            await waitFor('it to be gone', async () => (await worrying()).length === 0, 20_000);
            await untilAllCrawl(lab);
          },
        );

        await t.test(
          'the base dies while the worker is down: both automations bring all of it back, and nobody is called',
          async () => {
            for (const kind of ['service', 'timer', 'path'])
              await host.installUnit(`${RECOVERY}.${kind}`, shippedUnit(`${RECOVERY}.${kind}`));
            const before = await lab.attempts();
            await stopWorker(lab);
            // No earlier start counts, and no earlier repair.
            await host.runOk('rm /srv/healtharchive/ops/watchdog/*.json');
            for (const unit of [`${RECOVERY}.timer`, `${RECOVERY}.path`, `${AUTO_START}.timer`])
              await host.runOk(['systemctl', 'enable', '--now', '--quiet', unit]);
            const seen = new Set<string>();
            await killSshfs(host, BASE);
            for (const name of allJobs) {
              await lab.untilCrawling(name, before[name]);
              for (const alert of await worrying()) seen.add(alert);
            }
            await lab.assertMounted();
            assert.equal(await host.activeState(WORKER_UNIT), 'active');
            await waitFor('all worries to be gone', async () => (await worrying()).length === 0, 20_000);
            assert.deepEqual(
              [...seen].filter((alert) => alert.endsWith('firing')),
              [],
            );
          },
        );
      },
      '[autostart]\ncooldown_seconds = 3\nmax_per_hour = 20\n',
    );
  },
);
