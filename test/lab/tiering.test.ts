/** `storage tier` on a real host: what is mounted, what is left alone, and that nothing is lost or hidden. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import { bindFromWrongPlace, stackTmpfs } from '../../lab/faults/mounts.ts';
import { holdLock } from '../../lab/faults/control-plane.ts';
import { mountBase } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { codes, cold, hot, kinds, MANIFEST, tier, withTieredLab, writeManifest } from './tier.ts';

test('what is missing is made, mounted, verified; a second run finds nothing to do', async () => {
  await withTieredLab(['hc/2026', 'a\\040b'], async ({ host, box }) => {
    const plan = await tier(host);
    assert.equal(plan.status, 3);
    assert.equal(plan.plan.verdict, 'planned');
    assert.deepEqual(kinds(plan), [
      `bind ${hot('a b')}`,
      `bind ${hot('hc/2026')}`,
      `verify ${hot('a b')}`,
      `verify ${hot('hc/2026')}`,
    ]);
    assert.equal(host.mountsOn(hot('hc/2026')).length, 0, 'a plan mounts nothing');

    const done = await tier(host, '--apply');
    assert.deepEqual(
      done.plan.steps.map(({ outcome }) => outcome),
      ['done', 'done', 'done', 'done'],
      JSON.stringify(done),
    );
    assert.equal(done.status, 0);
    const [base] = host.mountsOn(box.base);
    for (const name of ['hc/2026', 'a b']) {
      const [mount, ...others] = host.mountsOn(hot(name));
      assert.equal(others.length, 0);
      assert.equal(mount?.device, base?.device);
      assert.equal(mount?.root, `/jobs/${name}`);
      assert.ok(mount.options.includes('nosuid') && mount.options.includes('nodev'));
    }
    const propagation = await host.runOk(['findmnt', '-n', '-o', 'PROPAGATION', hot('hc/2026')]);
    assert.equal(propagation.trim(), 'private');
    await host.runOk(`su -s /bin/sh healtharchive -c 'echo data >${hot('hc/2026')}/file'`);
    assert.equal((await box.server.runOk(['cat', '/home/storage/files/jobs/hc/2026/file'])).trim(), 'data');

    const again = await tier(host, '--apply');
    assert.deepEqual(again, {
      status: 0,
      plan: { ...again.plan, verdict: 'nothing_to_do', steps: [], refusals: [] },
    });
  });
});

test('nothing is ever bound from a base that is not mounted (F11)', async () => {
  await withTieredLab(['hc/2026'], async ({ host, box }) => {
    await host.runOk(['systemctl', 'stop', box.unit]);
    await host.runOk(['mkdir', '-p', cold('hc/2026')]);
    const answer = await tier(host, '--apply');
    assert.equal(answer.status, 5);
    assert.equal(answer.plan.verdict, 'refused');
    assert.deepEqual(codes(answer), ['base_not_healthy']);
    assert.equal(host.mountsOn(hot('hc/2026')).length, 0);
  });
});

test('stale mounts are replaced when that is asked for, and only then', async () => {
  await withTieredLab(['hc/2026', 'phac/2026'], async ({ host, box }) => {
    assert.equal((await tier(host, '--apply')).status, 0);
    // As earlier repairs by hand leave it: all layers of the dead file system go in one run.
    await host.runOk(`for layer in 2 3 4; do mount --bind ${cold('phac/2026')} ${hot('phac/2026')}; done`);
    assert.equal(host.mountsOn(hot('phac/2026')).length, 4);
    await killSshfs(host, box.base);
    await mountBase(box);
    const left = await tier(host, '--apply');
    assert.deepEqual(codes(left), ['stale_mount', 'stale_mount']);
    assert.equal(left.status, 3);
    const repaired = await tier(host, '--apply', '--repair-stale-mounts');
    assert.equal(repaired.status, 0, JSON.stringify(repaired));
    assert.deepEqual(kinds(repaired).slice(0, 4), [
      `unmount ${hot('hc/2026')}`,
      `bind ${hot('hc/2026')}`,
      `unmount ${hot('phac/2026')}`,
      `bind ${hot('phac/2026')}`,
    ]);
    const [base] = host.mountsOn(box.base);
    for (const name of ['hc/2026', 'phac/2026']) {
      assert.deepEqual(
        host.mountsOn(hot(name)).map(({ device }) => device),
        [base?.device],
      );
    }
    assert.equal((await tier(host, '--apply', '--repair-stale-mounts')).plan.verdict, 'nothing_to_do');
  });
});

test('another mount than the expected one is replaced only by a person who says so', async () => {
  await withTieredLab(['hc/2026', 'phac/2026'], async ({ host, box }) => {
    assert.equal((await tier(host, '--apply')).status, 0);
    await bindFromWrongPlace(host, hot('hc/2026'));
    await stackTmpfs(host, hot('phac/2026'));
    const left = await tier(host, '--apply', '--repair-stale-mounts');
    assert.deepEqual(codes(left), ['unexpected_mount', 'unexpected_mount']);
    assert.equal(left.status, 3);
    assert.equal(host.mountsOn(hot('phac/2026')).length, 2);
    const repaired = await tier(host, '--apply', '--repair-unexpected-mounts');
    assert.equal(repaired.status, 0, JSON.stringify(repaired));
    const [base] = host.mountsOn(box.base);
    for (const name of ['hc/2026', 'phac/2026']) {
      const seen = host.mountsOn(hot(name)).map(({ device, root }) => ({ device, root }));
      assert.deepEqual(seen, [{ device: base?.device, root: `/jobs/${name}` }]);
    }
  });
});

test('a path on which a crawl runs is left alone, whatever its state, until the crawl is gone', async () => {
  await withTieredLab(['hc/2026', 'phac/2026'], async ({ host, box }) => {
    assert.equal((await tier(host, '--apply')).status, 0);
    // What an attempt leaves of itself on the local disk while it runs, and the lock that only its end gives up.
    const spec = JSON.stringify({ outputDir: `${hot('hc/2026')}/job` });
    await host.writeFile('/srv/healtharchive/ops/attempts/7-001/spec.json', spec);
    const crawl = await holdLock(host, '/srv/healtharchive/ops/locks/attempt-7-001');
    await killSshfs(host, box.base);
    await mountBase(box);
    const refused = await tier(host, '--apply', '--repair-stale-mounts', '--repair-unexpected-mounts');
    assert.deepEqual(codes(refused), ['crawl_running']);
    assert.match(refused.plan.refusals[0]?.because ?? '', /7-001/);
    assert.deepEqual(kinds(refused).length, 3, 'the other path is repaired');
    assert.equal(refused.plan.verdict, 'attention');
    assert.deepEqual((await tier(host, '--apply', '--repair-stale-mounts')).status, 5);
    await crawl.release();
    assert.equal((await tier(host, '--apply', '--repair-stale-mounts')).status, 0);
  });
});

test('files under a mount are counted, kept, and told of at every run', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    await host.runOk(`mkdir -p ${hot('hc/2026')}/empty/deep && printf 12345 >${hot('hc/2026')}/empty/deep/a`);
    await host.runOk(`printf 678 >${hot('hc/2026')}/b`);
    for (const verdict of ['attention', 'attention']) {
      const answer = await tier(host, '--apply');
      assert.equal(answer.status, 3);
      assert.equal(answer.plan.verdict, verdict);
      assert.deepEqual(codes(answer), ['shadowed_data']);
      assert.match(answer.plan.refusals[0]?.because ?? '', /2 files \(8 bytes\)/);
    }
    assert.equal(host.mountsOn(hot('hc/2026')).length, 1, 'the crawl can go on all the same');
    const status = await host.run(['healtharchive', 'storage', 'status', '--json']);
    assert.equal(status.status, 3);
    const { hot_paths: paths } = JSON.parse(status.stdout) as { hot_paths: Record<string, unknown>[] };
    assert.deepEqual(paths[0]?.['shadowed'], { files: 2, bytes: 8, is_at_least: false });
    const page = await host.run(['healtharchive', 'storage', 'status']);
    assert.match(page.stdout, /SHADOWED DATA[^]*hc\/2026 +2 files \(8 bytes\)/);
    await host.runOk(['umount', hot('hc/2026')]);
    assert.equal(await host.runOk(`cat ${hot('hc/2026')}/empty/deep/a ${hot('hc/2026')}/b`), '12345678');
  });
});

test('a line that is refused is named, and stops no other', async () => {
  await withTieredLab([], async ({ host }) => {
    const lines = [
      '# a comment\r',
      `${cold('ok')} ${hot('ok')}\r`,
      `relative ${hot('x')}`,
      `${cold('one')} ${hot('ok')}`,
      `${cold('out')} /srv/elsewhere/out`,
      `/srv/elsewhere/cold ${hot('y')}`,
      `${cold('three')} fields here`,
    ];
    await host.writeFile(MANIFEST, `${lines.join('\n')}\n`);
    const answer = await tier(host, '--apply');
    assert.equal(answer.plan.verdict, 'attention');
    assert.deepEqual(kinds(answer), [`bind ${hot('ok')}`, `verify ${hot('ok')}`]);
    const named = answer.plan.refusals.map(({ because }) => /line (\d+)/.exec(because)?.[1]);
    assert.deepEqual(named, ['3', '4', '5', '6', '7']);
    await host.runOk(['rm', MANIFEST]);
    assert.equal((await tier(host)).plan.verdict, 'nothing_to_do');
    // Nobody knows then what belongs where, and a plan for the rest would pass for the whole.
    await host.runOk(['mkdir', MANIFEST]);
    const unreadable = await tier(host, '--apply');
    assert.equal(unreadable.status, 5);
    assert.deepEqual(codes(unreadable), ['manifest_unreadable']);
  });
});

test('an annual job of the year, and an unfinished older one, are tiered without a line', async () => {
  await withTieredLab([], async ({ host }) => {
    const cli = async (...args: readonly string[]) =>
      await host.runOk(['healtharchive', ...args], { user: 'healtharchive' });
    await cli(
      'sources',
      'add',
      '--code',
      'hc',
      '--name',
      'Health Canada',
      '--seed',
      'http://127.0.0.1/',
      '--wait-seconds',
      '0',
    );
    await cli('campaign', 'schedule', '--year', '2025', '--apply');
    await cli('campaign', 'schedule', '--year', '2026', '--apply');
    const jobs = JSON.parse(await cli('jobs', 'list', '--json')) as { jobs: { output_dir: string }[] };
    const done = await tier(host, '--apply', '--year', '2026');
    assert.equal(done.status, 0, JSON.stringify(done));
    for (const { output_dir: path } of jobs.jobs) assert.equal(host.mountsOn(path).length, 1, path);
    assert.equal(jobs.jobs.length, 2);
  });
});

test('without root the plan is printed, and what needs root is said', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    const user = { user: 'healtharchive' };
    const result = await host.run(['healtharchive', 'storage', 'tier', '--apply', '--json'], user);
    assert.equal(result.status, 5, result.stderr);
    const plan = JSON.parse(result.stdout) as { steps: unknown[]; refusals: { code: string }[] };
    assert.equal(plan.steps.length, 2);
    assert.deepEqual(
      plan.refusals.map(({ code }) => code),
      ['needs_root'],
    );
    const text = await host.run(['healtharchive', 'storage', 'tier', '--apply'], user);
    assert.match(text.stdout, /mounting needs root/);
    // Who may not see the state, and so not whether a crawl runs, is shown the plan as well; what would be refused, too.
    // Without the database nobody knows whether something was archived in a directory that is not there.
    await host.runOk(['mkdir', '-p', cold('hc/2026')]);
    const stranger = await host.run(['healtharchive', 'storage', 'tier', '--json'], { user: 'games' });
    assert.equal(stranger.status, 3, stranger.stderr);
    const shown = JSON.parse(stranger.stdout) as { steps: { kind: string }[]; refusals: { code: string }[] };
    assert.deepEqual(
      shown.steps.map(({ kind }) => kind),
      ['bind', 'verify'],
    );
    assert.deepEqual(
      shown.refusals.map(({ code }) => code),
      ['jobs_unknown', 'crawls_unseen'],
    );
  });
});

test('a mount inside is not hidden by one that is bound over it', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    assert.equal((await tier(host, '--apply')).status, 0);
    await writeManifest(host, ['hc/2026', 'hc']);
    for (let run = 0; run < 2; run += 1) {
      const answer = await tier(host, '--apply');
      assert.deepEqual(codes(answer), ['mounts_below']);
      assert.equal(host.mountsOn(hot('hc')).length, 0);
      assert.equal(host.mountsOn(hot('hc/2026')).length, 1);
    }
    await host.runOk(['umount', hot('hc/2026')]);
    const nested = await tier(host, '--apply');
    assert.equal(nested.status, 0, JSON.stringify(nested));
    assert.equal((await tier(host, '--apply')).plan.verdict, 'nothing_to_do');
  });
});

test('names of any bytes are counted, and what can’t be counted is not taken for nothing', async () => {
  await withTieredLab(['hc/2026'], async ({ host }) => {
    await host.runOk(
      `mkdir -p "$(printf '${hot('hc/2026')}/caf\\351')" && cd ${hot('hc/2026')}/caf* && printf 12 >a`,
    );
    const answer = await tier(host, '--apply');
    assert.match(answer.plan.refusals[0]?.because ?? '', /1 file \(2 bytes\)/);
    await host.runOk('mv /usr/bin/unshare /usr/bin/unshare.away');
    const blind = await tier(host);
    assert.deepEqual(codes(blind), ['shadowed_unknown']);
    assert.equal(blind.status, 3);
  });
});

test('a cold directory that was removed on the server is made and mounted anew', async () => {
  await withTieredLab(['hc/2026'], async ({ host, box }) => {
    assert.equal((await tier(host, '--apply')).status, 0);
    // For a second the kernel finds the name again without asking anybody; what it knows of the directory, a change makes it forget.
    await host.runOk(`stat ${cold('hc/2026')} && touch ${hot('hc/2026')}/x && rm ${hot('hc/2026')}/x`);
    await box.server.runOk(['rmdir', '/home/storage/files/jobs/hc/2026']);
    await waitFor(
      'the removal to be seen',
      async () => codes(await tier(host)).includes('unexpected_mount'),
      40_000,
    );
    const repaired = await tier(host, '--apply', '--repair-unexpected-mounts');
    assert.equal(repaired.status, 0, JSON.stringify(repaired));
  });
});
