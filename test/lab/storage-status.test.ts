/** `storage status` with everything hung: it answers in time, again and again, with and without the database. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { lockSqlite } from '../../lab/faults/database.ts';
import { freezeSshd, thawSshd } from '../../lab/faults/server.ts';
import { bindHotPath, COLD_ROOT, JOBS_ROOT, sshfsHotPath } from '../../lab/hot-path.ts';
import { bootHost, type Host } from '../../lab/host.ts';
import { install, type Installation } from '../../lab/installation.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { storageBox, type StorageBox } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { escapeMountField } from '../core/storage/mount-fixture.ts';
import { MANIFEST, storageStatus, type SeenStatus } from './storage-lab.ts';

/** As configured by default, and what the observation may take beside it. */
const probeTimeoutMs = 5000;
const allowanceMs = 1000;

const bound = ['hc-2026', 'phac-2026', 'cihr-2026', 'a b\n#'];
const config = '/etc/healtharchive/config.toml';
const database = '/srv/healtharchive/db/healtharchive.db';

describe('every mount hung', { skip: labUnavailable(), timeout: 240_000 }, () => {
  let host: Host;
  let box: StorageBox;
  let installation: Installation;
  /** With all well: the start of the program, and of those that it starts. */
  let startMs: number;
  let jobPath: string;
  /** All well, but for the rights of who asks. */
  let askedByOther: { status: number | null; stdout: string; stderr: string };
  before(async () => {
    host = await bootHost({ name: 'hung' });
    // Nothing gives a frozen server up during the test.
    box = await storageBox(host, { serverAliveSeconds: 120 });
    for (const name of bound) await bindHotPath(host, name);
    const lines = bound.map((name) => {
      const written = escapeMountField(name);
      return `${COLD_ROOT}/${written} ${JOBS_ROOT}/${written}\n`;
    });
    await host.writeFile(MANIFEST, lines.join(''));
    const own = await sshfsHotPath(box, 'special');
    installation = await install(host, `[[hot_mounts]]\npath = "${own.path}"\nunit = "${own.unit}"\n`);
    await installation.json('sources', 'add', '--code', 'hc', '--name', 'H', '--seed', 'http://hc.example/');
    // Below a bind: its path is known from the database alone.
    const place = ['--source', 'hc', '--name', 'one', '--output-dir', 'hc-2026/one'];
    const job = (await installation.json('jobs', 'add', ...place)) as { output_dir: string };
    jobPath = job.output_dir;
    const runs = [await storageStatus(host), await storageStatus(host), await storageStatus(host)];
    for (const { exit, answer } of runs) {
      assert.equal(exit, 0, JSON.stringify(answer));
      assert.equal(answer.hot_paths.length, bound.length + 2);
    }
    startMs = Math.max(...runs.map(({ durationMs }) => durationMs));
    await host.runOk(['chmod', '700', JOBS_ROOT]);
    askedByOther = await host.run(['healtharchive', 'storage', 'status'], {
      user: 'daemon',
      timeoutMs: 30_000,
    });
    await host.runOk(['chmod', '755', JOBS_ROOT]);
    await freezeSshd(box);
  });
  after(async () => {
    await box.close();
    await host.close();
  });

  function assertInTime(t: TestContext, what: string, { durationMs }: SeenStatus): void {
    t.diagnostic(`${what}: ${Math.round(durationMs)} ms (all well: ${Math.round(startMs)} ms)`);
    assert.ok(durationMs < startMs + probeTimeoutMs + allowanceMs, `${what} took ${durationMs} ms`);
  }

  /** That all are, as many as there must be; gives the reasons. */
  function assertHung({ exit, answer }: SeenStatus, count: number): string[] {
    assert.equal(exit, 3);
    const states = [answer.base?.state, ...answer.hot_paths.map(({ state }) => state)];
    assert.deepEqual(states, Array(count + 1).fill('hung'), JSON.stringify(answer, null, 1));
    return answer.hot_paths.map(({ reason }) => reason);
  }

  test('it answers in time, and the second time at once: what is known to hang is not asked again', async (t) => {
    const first = await storageStatus(host);
    assertInTime(t, 'first', first);
    assertHung(first, bound.length + 2);
    assert.equal(first.answer.hot_paths.find(({ path }) => path === jobPath)?.jobs[0], 1);
    const stuck = await blocked();
    const second = await storageStatus(host);
    assertInTime(t, 'second', second);
    assert.ok(second.durationMs < probeTimeoutMs, 'it does not wait for what is known to hang');
    for (const reason of assertHung(second, bound.length + 2)) assert.match(reason, /still blocked/);
    assert.deepEqual(await blocked(), stuck, 'no further process is stuck');
    assert.equal(stuck.length, 2, 'one for each superblock');
  });

  test('a user without rights is told that it is about these rights', () => {
    const { status, stdout, stderr } = askedByOther;
    assert.equal(status, 3, stderr + stdout);
    const text = stdout.replace(/\s+/g, ' ');
    assert.match(text, /DENIED: access is refused to daemon, as whom you ask/);
    assert.match(text, /sudo -u healtharchive healtharchive storage status/);
    assert.doesNotMatch(text, /no crawl can use it/);
  });

  test('as root it has records of its own, and answers in time as well', async (t) => {
    const seen = await storageStatus(host, 'root');
    assertInTime(t, 'root', seen);
    for (const reason of assertHung(seen, bound.length + 2))
      assert.match(reason, /\d+ requests? without an answer/);
  });

  test('the page says first what is wrong, and what to do', async () => {
    const { status, stdout, stderr } = await installation.cli('storage', 'status');
    assert.deepEqual([status, stderr], [3, '']);
    assert.match(stdout, /^ATTENTION: storage box hung, 6 of 6 hot paths not well\.\n\nHUNG: no answer: /);
    assert.match(stdout, /a b\\n# +manifest/);
    assert.match(stdout, /journalctl -n 20 -u healtharchive-storagebox-sshfs\.service/);
    assert.doesNotMatch(stdout, /storage tier|systemctl/, 'nothing that touches a mount is suggested');
  });

  describe('without the database', () => {
    const rows: readonly (readonly [string, string, RegExp])[] = [
      ['it is missing', 'sqlite:/srv/healtharchive/none.db', /does not exist/],
      [
        'it lies on the hung storage',
        'sqlite:/srv/healtharchive/storagebox/jobs.db',
        /gave no answer within 5 s|is still blocked/,
      ],
      // The frozen server accepts connections without a word.
      ['PostgreSQL says nothing', 'postgres://x:secret@storagebox:23/x', /gave no answer within 2 s/],
    ];
    for (const [what, url, because] of rows) {
      for (const round of ['first', 'second']) {
        test(`${what}: the jobs are unknown, everything else is answered in time, ${round} time`, async (t) => {
          await host.writeFile(
            '/tmp/other.toml',
            `[database]\nurl = "${url}"\n${await host.readFile(config)}`,
          );
          const seen = await storageStatus(host, 'healtharchive', '--config', '/tmp/other.toml');
          assertInTime(t, what, seen);
          assertHung(seen, bound.length + 1);
          assert.equal(seen.answer.jobs_known, false);
          assert.match(seen.stderr, because);
          assert.doesNotMatch(seen.stderr, /secret/);
        });
      }
    }

    test('a program that writes to the database does not keep it from being read', async (t) => {
      const lock = await lockSqlite(host, database);
      const seen = await storageStatus(host);
      await lock.release();
      assertInTime(t, 'locked', seen);
      assert.equal(seen.answer.jobs_known, true);
    });
  });

  test('once the server goes on, so do the answers', async () => {
    await thawSshd(box);
    await waitFor('all to be well', async () => (await storageStatus(host)).exit === 0, 30_000);
    await waitFor('the stuck children to end', async () => (await blocked()).length === 0, 10_000);
  });

  /** Records of what the worker's user waits for where nothing can end it. */
  async function blocked(): Promise<string[]> {
    const folder = '/srv/healtharchive/ops/locks/probes-$(id -u healtharchive)';
    // Its first thread is gone with the signal, so only /proc/PID tells of it.
    const living = 'pid=$(grep -o \'"pid":[0-9]*\' "$record"); [ -d "/proc/${pid#*:}" ]';
    const script = `cd ${folder} && for record in *.json; do ${living} && echo "$record $pid"; done; true`;
    return (await host.runOk(script)).split('\n').filter((line) => line !== '');
  }
});
