/** Recovery with the units as they are shipped, and nobody doing anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropServer, restoreServer } from '../../lab/faults/server.ts';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { shippedUnit } from '../../lab/installation.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { allJobs, SENTINEL, withRecoveryLab, type JobName, type RecoveryLab } from './recovery-lab.ts';

const RECOVERY = 'healtharchive-storage-hotpath-auto-recover';

async function switchOn({ host }: RecoveryLab, kinds: readonly string[]): Promise<void> {
  for (const kind of ['service', 'timer', 'path'])
    await host.installUnit(`${RECOVERY}.${kind}`, shippedUnit(`${RECOVERY}.${kind}`));
  for (const kind of kinds) await host.runOk(['systemctl', 'start', `${RECOVERY}.${kind}`]);
}

async function incidents({ host }: RecoveryLab): Promise<{ opened: number; closed: number }> {
  const lines = (await host.journal(`${RECOVERY}.service`)).split('\n');
  const count = (what: string): number =>
    lines.filter((line) => line.includes(`storage incident ${what}`)).length;
  return { opened: count('opened'), closed: count('closed') };
}

/** All crawl, those that were hit by another attempt. */
async function untilAllCrawl(
  lab: RecoveryLab,
  before: Record<JobName, number>,
  hit: readonly JobName[],
): Promise<void> {
  for (const name of allJobs) await lab.untilCrawling(name, hit.includes(name) ? before[name] : 0);
  const after = await lab.attempts();
  for (const name of allJobs)
    if (!hit.includes(name)) assert.equal(after[name], before[name], `${name} goes on`);
}

test('nobody does anything', { skip: labUnavailable(['wget']) }, async (t) => {
  await withRecoveryLab({ serverAliveSeconds: 4 }, async (lab) => {
    const { host } = lab;
    for (const name of allJobs) await lab.untilCrawling(name);
    await switchOn(lab, ['timer', 'path']);

    await t.test('the base is killed: its own end starts recovery, and the crawls go on', async () => {
      const before = await lab.attempts();
      const invocation = await lab.invocation();
      await killSshfs(host, BASE);
      await untilAllCrawl(lab, before, ['hc', 'cihr']);
      await lab.assertMounted();
      assert.equal(await lab.invocation(), invocation);
      await waitFor('the incident to be closed', async () => (await incidents(lab)).closed === 1, 40_000);
      assert.deepEqual(await incidents(lab), { opened: 1, closed: 1 });
    });

    await t.test('a mount of its own is killed: the crawl that fails for it calls recovery', async () => {
      const before = await lab.attempts();
      await killSshfs(host, lab.own.path);
      await untilAllCrawl(lab, before, ['own']);
      await lab.assertMounted();
    });

    await t.test('the server is away for a minute: nothing is used up, and then all goes on', async () => {
      await waitFor(
        'the incidents before to be over',
        async () => {
          const { opened, closed } = await incidents(lab);
          return opened === closed;
        },
        60_000,
      );
      const opened = (await incidents(lab)).opened;
      const memory = async () =>
        JSON.parse(
          await host.readFile('/srv/healtharchive/ops/watchdog/storage-hotpath-auto-recover.json'),
        ) as { recoveries: unknown[] };
      const { recoveries } = await memory();
      await dropServer(lab.box);
      await killSshfs(host, BASE);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      assert.equal(
        (await memory()).recoveries.length,
        recoveries.length,
        'no cap is used while there is nothing to repair',
      );
      await restoreServer(lab.box);
      await waitFor(
        'all to be mounted again',
        async () => {
          await lab.assertMounted();
          return true;
        },
        60_000,
      );
      for (const name of allJobs) await lab.untilCrawling(name);
      assert.ok((await incidents(lab)).opened - opened <= 1, 'one incident');
    });

    await t.test('switched off, it only looks', async () => {
      await host.runOk(['rm', SENTINEL]);
      await killSshfs(host, lab.own.path);
      await host.run(['systemctl', 'start', `${RECOVERY}.service`], { timeoutMs: 60_000 });
      assert.equal(host.mountsOn(lab.own.path).length, 1);
      assert.equal(await host.unitProperty(`${RECOVERY}.service`, 'Result'), 'success');
      await host.writeFile(SENTINEL, '');
      await waitFor(
        'it to be mended',
        async () => {
          await lab.assertMounted();
          return true;
        },
        60_000,
      );
    });

    const { stdout } = await host.systemctl('--failed', '--no-legend', '--plain');
    assert.equal(
      stdout
        .split('\n')
        .filter((line) => line.includes(RECOVERY))
        .join(),
      '',
      'no unit of recovery has failed',
    );
  });
});
