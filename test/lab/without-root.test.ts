/** The storage part of the lab needs no root: an ordinary user of a host runs it in a user namespace of its own. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Command } from 'commander';
import { bootHost, type Host } from '../../lab/host.ts';
import { install, WORKER_UNIT } from '../../lab/installation.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { helpOf } from '../../src/cli/help.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

const FOLDER = 'test/storage';
const NODE = '/opt/healtharchive/node_modules/.bin/node';
/** A file takes about 20 s on an idle machine. */
const FILE_TIMEOUT_MS = 280_000;
const files = readdirSync(join(import.meta.dirname, '../..', FOLDER)).filter((name) =>
  name.endsWith('.test.ts'),
);
/** The others are there for their numbers, which do not depend on who asks. */
const chosen =
  process.env['HEALTHARCHIVE_TEST_FULL'] === '1' ? files : ['faults.test.ts', 'write-check.test.ts'];

/** Every command of the program, as somebody who may read no more than anybody may. */
const commands = [
  'sources list',
  'sources add --code x --name X --seed https://x.example/',
  'sources edit hc --name X',
  'sources remove hc',
  'jobs add --source hc',
  'jobs list',
  'jobs show 1',
  'jobs log 1',
  'jobs watch',
  'jobs retry 1',
  'jobs cancel 1',
  'jobs recover-stale --apply',
  'jobs import-legacy --from sqlite:////etc/passwd --apply',
  'campaign schedule --year 2026 --apply',
  'worker run --once',
  'worker auto-start',
  'worker auto-start --apply',
  'storage status',
  'storage tier',
  'storage tier --apply',
  'storage recover',
  'storage recover --apply',
  'metrics write',
  'ops evidence',
  'ops install',
  'ops install --apply',
  'ops verify',
  'ops enable recovery',
  'ops disable recovery',
  'deploy --from /opt/healtharchive',
  'deploy --from /opt/healtharchive --apply',
  'deploy rollback',
  'deploy rollback --apply',
  'db migrate',
  'init --dir /srv/healtharchive/ops/x',
  'init --dir /proc/x',
  'completion bash',
];

function leavesOf(command: Command, path: readonly string[] = []): string[] {
  const below = command.commands.flatMap((sub) => leavesOf(sub, [...path, sub.name()]));
  return below.length === 0 || helpOf(command) !== undefined ? [path.join(' '), ...below] : below;
}

describe('without root', { skip: labUnavailable() }, () => {
  let host: Host;
  before(async () => {
    host = await bootHost({ name: 'user' });
  });
  after(() => host.close());

  test('no command shows a stack trace for what may not be read', async () => {
    const terminal = {} as Terminal;
    const missing = leavesOf(await createProgram(terminal, '')).filter(
      (leaf) => !commands.some((line) => `${line} `.startsWith(`${leaf} `)),
    );
    assert.deepEqual(missing, [], 'each command is tried');
    const installation = await install(host, '[worker]\nmin_free_percent = 1');
    await installation.cli('sources', 'add', '--code', 'hc', '--name', 'HC', '--seed', 'http://127.0.0.1/');
    await installation.cli('jobs', 'add', '--source', 'hc');
    // The second time the database may be read and written, and the state is still closed.
    for (const isOpen of [false, true]) {
      if (isOpen) await host.runOk('chmod 777 /srv/healtharchive/db; chmod 666 /srv/healtharchive/db/*');
      for (const line of commands) {
        const { status, stderr } = await host.run(['timeout', '20', 'healtharchive', ...line.split(' ')], {
          user: 'games',
        });
        const isWatching = line === 'jobs watch' && isOpen;
        assert.ok(
          isWatching || [0, 1, 3, 4, 5].includes(status ?? -1),
          `${line}: ${String(status)} ${stderr}`,
        );
        assert.doesNotMatch(stderr, /this is a bug|^ {4}at /m, line);
      }
    }
  });

  test('a database folder that the worker’s user can’t write: status 4 at once, and the unit does not go on trying', async () => {
    await install(host, '[worker]\nmin_free_percent = 1');
    await host.runOk('chown -R root: /srv/healtharchive/db && chmod 755 /srv/healtharchive/db');
    const complaint =
      /the folder of the database, \/srv\/healtharchive\/db, can't be written by user healtharchive, who runs this/;
    for (const args of [
      ['worker', 'run'],
      ['jobs', 'add', '--source', 'hc'],
      ['db', 'migrate'],
    ]) {
      const { status, stderr } = await host.run(['healtharchive', ...args], { user: 'healtharchive' });
      assert.equal(status, 4, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, complaint);
    }
    await host.run(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
    assert.equal(await host.activeState(WORKER_UNIT), 'failed');
    assert.match(await host.journal(WORKER_UNIT), complaint);
    await host.runOk('chmod 777 /srv/healtharchive/db && chmod 644 /srv/healtharchive/db/*');
    const { status, stderr } = await host.run(['healtharchive', 'worker', 'run'], { user: 'healtharchive' });
    assert.equal(status, 4, stderr);
    assert.match(stderr, /the database .*healtharchive\.db can't be written by user healtharchive/);
  });

  for (const file of chosen) {
    test(`${FOLDER}/${file} runs as an ordinary user`, async () => {
      assert.ok(files.includes(file));
      const { status, stdout, stderr } = await host.run(
        [NODE, '--test', `/opt/healtharchive/${FOLDER}/${file}`],
        {
          user: 'healtharchive',
          timeoutMs: FILE_TIMEOUT_MS,
        },
      );
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^ℹ pass [1-9]/m, stdout);
      assert.match(stdout, /^ℹ skipped 0$/m, stdout);
      assert.deepEqual(
        host.mountInfo().filter(({ path }) => path.includes('healtharchive-box')),
        [],
      );
      assert.equal((await host.run('ls -d /tmp/healtharchive-box-*')).stdout, '');
    });
  }
});
