/** `storage recover` without `--apply`, on one host: it shows the plan, whoever asks and whatever is broken, and changes nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freezeSshd } from '../../lab/faults/server.ts';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { BASE } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { recover, type RecoverAnswer } from './recover.ts';
import { withStorageLab } from './storage-lab.ts';

/** `probe_timeout_seconds` and 2 s, and what the start of a program takes on a busy machine. */
const inTimeMs = 7000 + 2000;
const NODE = '/opt/healtharchive/node_modules/.bin/node';

const steps = ({ steps: all }: RecoverAnswer) =>
  all.map(({ kind, path, round }) => `${round ?? 0} ${kind} ${path ?? ''}`);
const codes = ({ refusals }: RecoverAnswer) => refusals.map(({ code }) => code);

test('what recovery would do is shown, and nothing is done', { skip: labUnavailable(['nft']) }, async (t) => {
  await withStorageLab({ serverAliveSeconds: 60 }, async ({ host, box, bind, own }) => {
    const mounts = async () => await host.readFile('/proc/self/mountinfo');
    const before = await mounts();
    const rebound = (round: number) => [
      `${round} unmount ${bind}`,
      `${round} bind ${bind}`,
      `${round} verify ${bind}`,
    ];

    await t.test('all is well', async () => {
      const { status, answer } = await recover(host);
      assert.deepEqual([status, answer.verdict, answer.mode], [0, 'nothing_to_do', 'dry-run']);
    });

    await t.test('a drill: as if the base were dead, all that is bound from it is', async () => {
      const { status, answer } = await recover(host, ['--simulate-broken-path', BASE]);
      assert.deepEqual([status, answer.verdict], [3, 'planned']);
      assert.deepEqual(steps(answer), [`1 restart ${BASE}`, `1 verify ${BASE}`, ...rebound(2)]);
      assert.deepEqual(codes(answer), ['no_sentinel']);
      assert.deepEqual(answer.blast_radius[0]?.paths, [bind, BASE].sort());
    });

    await t.test('a drill for one bind, and for a mount of its own', async () => {
      const { answer } = await recover(host, ['--simulate-broken-path', bind, own.path]);
      const restarted = [`1 unmount ${own.path}`, `1 restart ${own.path}`, `1 verify ${own.path}`];
      assert.deepEqual(steps(answer), [...rebound(1), ...restarted]);
    });

    await t.test('what is no place of ours is wrong usage', async () => {
      const wrong = ['healtharchive', 'storage', 'recover', '--simulate-broken-path', '/etc'];
      assert.equal((await host.run(wrong)).status, 2);
    });

    await host.runOk(['useradd', 'visitor']);
    await t.test('an ordinary user sees the plan, and is told what can’t be seen', async () => {
      const { status, answer } = await recover(host, ['--simulate-broken-path', bind], 'visitor');
      assert.deepEqual([status, steps(answer)], [3, rebound(1)]);
      assert.ok(codes(answer).includes('not_seen'), JSON.stringify(answer.refusals));
    });

    assert.equal(await mounts(), before, 'nothing was mounted or unmounted');

    await t.test('a database that says nothing holds nothing up', async () => {
      const server = host.start([
        NODE,
        '-e',
        `require("net").createServer(() => {}).listen(5999, "127.0.0.1", () => console.log("up"))`,
      ]);
      await waitFor('the silent database', () => server.stdout().includes('up'), 5000);
      await killSshfs(host, own.path);
      const environment = ['HEALTHARCHIVE_DATABASE_URL=postgres://nobody@127.0.0.1:5999/none'];
      const { answer, durationMs } = await recover(host, [], 'root', environment);
      assert.deepEqual(steps(answer)[0], `1 unmount ${own.path}`);
      assert.ok(codes(answer).includes('jobs_unknown'));
      assert.ok(durationMs < inTimeMs, `${durationMs} ms`);
      server.kill('SIGKILL');
    });

    await t.test('everything hangs: the answer comes all the same, twice', async () => {
      await host.runOk(['systemctl', 'restart', own.unit]);
      await waitFor('the own mount', async () => (await recover(host)).status === 0, 20_000);
      await freezeSshd(box);
      for (const look of ['first', 'second']) {
        const { status, answer, durationMs } = await recover(host);
        assert.deepEqual([status, answer.verdict], [3, 'attention']);
        const because = JSON.stringify(answer.refusals);
        assert.deepEqual(codes(answer), ['storage_hung', 'storage_hung', 'storage_hung'], because);
        assert.ok(durationMs < inTimeMs, `the ${look} look took ${durationMs} ms`);
      }
    });
    assert.equal(host.mountsOn(bind).length, 1);
  });
});
