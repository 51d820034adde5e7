/** `storage recover --apply` with the worker crawling beside it. One host for all cases: each leaves it as it found it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { unmountBehindTheBack } from '../../lab/faults/mounts.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE } from '../../lab/storage-box.ts';
import { kinds, withRecoveryLab, type JobName, type RecoveryLab } from './recovery-lab.ts';

/** One fault and its repair: who must be crawled anew, by another attempt, and who goes on untouched. */
async function repaired(
  lab: RecoveryLab,
  hit: readonly JobName[],
  fault: () => Promise<unknown>,
): Promise<ReturnType<typeof kinds>> {
  const names: readonly JobName[] = ['hc', 'cihr', 'own', 'local'];
  for (const name of names) await lab.untilCrawling(name);
  const before = await lab.attempts();
  const archived = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await lab.warcs(name, before[name])] as const)),
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
  for (const name of names)
    if (!hit.includes(name)) assert.equal(after[name], before[name], `${name} goes on`);
  assert.equal(await lab.invocation(), invocation, 'the worker was not restarted');
  return kinds(result);
}

test('recovery mends what is broken, and nothing else', { skip: labUnavailable(['wget']) }, async (t) => {
  await withRecoveryLab({ serverAliveSeconds: 4 }, async (lab) => {
    const { host } = lab;

    await t.test('the base is killed under two crawls', async () => {
      const steps = await repaired(lab, ['hc', 'cihr'], () => killSshfs(host, BASE));
      assert.ok(steps.includes('release hc done') && steps.includes('release cihr done'), String(steps));
    });

    await t.test('a mount of its own is killed under its crawl', async () => {
      const steps = await repaired(lab, ['own'], () => killSshfs(host, lab.own.path));
      assert.deepEqual(steps.slice(0, 3), ['unmount own done', 'restart own done', 'verify own done']);
    });

    await t.test(
      'a bind is unmounted under its crawl, which goes on in the directory it opened',
      async () => {
        const steps = await repaired(lab, [], () => unmountBehindTheBack(host, lab.path('hc')));
        assert.deepEqual(steps, ['bind hc done', 'verify hc done', 'wake  done']);
      },
    );

    await t.test('all is well: nothing is done', async () => {
      const { status, answer } = await lab.recover();
      assert.deepEqual([status, answer.verdict, answer.steps], [0, 'nothing_to_do', []]);
    });
  });
});
