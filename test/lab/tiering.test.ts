/** `storage tier` on a real host: what is mounted, what is left alone, and that nothing is lost or hidden. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killSshfs } from '../../lab/faults/sshfs.ts';
import type { Host } from '../../lab/host.ts';
import { COLD_ROOT, JOBS_ROOT } from '../../lab/hot-path.ts';
import { install } from '../../lab/installation.ts';
import { mountBase } from '../../lab/storage-box.ts';
import { withLab, type Lab } from './with-lab.ts';

const MANIFEST = '/etc/healtharchive/warc-tiering.binds';
const hot = (name: string) => `${JOBS_ROOT}/${name}`;
const cold = (name: string) => `${COLD_ROOT}/${name}`;

interface Plan {
  readonly mode: string;
  readonly verdict: string;
  readonly steps: readonly {
    readonly kind: string;
    readonly path: string;
    readonly outcome?: string;
    readonly error?: string;
  }[];
  readonly refusals: readonly { readonly code: string; readonly path?: string; readonly because: string }[];
}

interface Answer {
  readonly status: number | null;
  readonly plan: Plan;
}

/** The command as root, as its unit runs it. */
async function tier(host: Host, ...args: readonly string[]): Promise<Answer> {
  const result = await host.run(['healtharchive', 'storage', 'tier', '--json', ...args], {
    timeoutMs: 60_000,
  });
  try {
    return { status: result.status, plan: JSON.parse(result.stdout) as Plan };
  } catch (error) {
    throw new Error(`no plan: ${result.stdout} ${result.stderr}`, { cause: error });
  }
}

const kinds = ({ plan }: Answer): string[] => plan.steps.map(({ kind, path }) => `${kind} ${path}`);
const codes = ({ plan }: Answer): string[] => plan.refusals.map(({ code }) => code);

/** A host with the box and HealthArchive, and these manifest lines of names below cold root and jobs root. */
async function withTieredLab(names: readonly string[], body: (lab: Lab) => Promise<void>): Promise<void> {
  await withLab({ serverAliveSeconds: 4 }, async (lab) => {
    await install(lab.host, '');
    await writeManifest(lab.host, names);
    await body(lab);
  });
}

async function writeManifest(host: Host, names: readonly string[]): Promise<void> {
  await host.writeFile(MANIFEST, names.map((name) => `${cold(name)} ${hot(name)}\n`).join(''));
}

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
      assert.ok(mount?.options.includes('nosuid') && mount.options.includes('nodev'));
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
    await killSshfs(host, box.base);
    await mountBase(box);
    const left = await tier(host, '--apply');
    assert.deepEqual(codes(left), ['stale_mount', 'stale_mount']);
    assert.equal(left.status, 3);
    const repaired = await tier(host, '--apply', '--repair-stale-mounts');
    assert.equal(repaired.status, 0, JSON.stringify(repaired));
    assert.deepEqual(kinds(repaired).slice(0, 3), [
      `unmount ${hot('phac/2026')}`,
      `unmount ${hot('hc/2026')}`,
      `bind ${hot('hc/2026')}`,
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
