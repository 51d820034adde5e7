/** The launcher with crawlers that are shell scripts: what it does before, around and after any crawler. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { ExitRecord } from '../../../src/core/attempts/attempt-end.ts';
import type { LaunchSpec } from '../../../src/core/attempts/launch-spec.ts';
import { readMountTable } from '../../../src/effects/read-mounts.ts';
import { AttemptBench, judge, until } from '../../attempts/attempt-bench.ts';

const seeds = ['http://127.0.0.1:9/'];

function script(text: string): Partial<LaunchSpec> {
  return { argv: ['sh', '-c', text], crawl: null };
}

/** A folder with a program of this name that is put in front of PATH for the launcher. */
function fakeProgram(t: TestContext, bench: AttemptBench, name: string, text: string): void {
  const bin = join(bench.folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(bin, name), 0o755);
  const before = process.env['PATH'] ?? '';
  process.env['PATH'] = `${bin}:${before}`;
  t.after(() => {
    process.env['PATH'] = before;
  });
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

// Most of the time goes into starting processes, so several attempts are under way at once.
describe('launcher', { concurrency: 4 }, () => {
  test('a crawler runs in the output directory, inherits the lock and not our secrets; its files are copied back', async (t) => {
    process.env['HEALTHARCHIVE_DATABASE_URL'] = 'postgres://secret';
    t.after(() => delete process.env['HEALTHARCHIVE_DATABASE_URL']);
    const bench = new AttemptBench(t);
    const started = await bench.start(
      seeds,
      script('pwd; readlink /proc/self/fd/3; env; echo oops >&2; touch warcs/7-001-00000.warc.gz; sleep 0.3'),
    );
    assert.equal(await started.isLockFree(), false);
    assert.match(started.attempt.processStartTime ?? '', /^\d+$/);
    await started.attempt.exited;
    await until(() => started.isLockFree(), 'the lock to be free');
    const log = started.log();
    assert.ok(log.startsWith(`${bench.outputDir}\n`), log);
    assert.match(log, /\/lock\n/);
    assert.match(log, /^oops$/m);
    assert.doesNotMatch(log, /secret/);
    const record = started.record();
    assert.deepEqual(record?.exit, { kind: 'exited', code: 0 });
    assert.equal(record.archived?.warcFiles, 1);
    assert.equal(record.token, started.spec.token);
    assert.equal(existsSync(started.spec.scratchDir), false);
    const copied = await bench.copied(1);
    assert.deepEqual(readdirSync(copied).sort(), ['crawler.log', 'exit-record.json']);
    assert.equal(readFileSync(join(copied, 'crawler.log'), 'utf8'), log);
  });

  /** What stands in the way -> how the record says it. The bench's folder is on local disk. */
  const problems: Record<string, (bench: AttemptBench) => { changes?: Partial<LaunchSpec>; exit: unknown }> =
    {
      'another mount is expected': () => ({
        changes: { expectedMount: { kind: 'mount', fstype: 'fuse.sshfs', source: 'box:', root: '/jobs' } },
        exit: {
          kind: 'wrong_storage',
          detail: 'expected fuse.sshfs of box:, directory /jobs, found a local directory',
        },
      }),
      'it was mounted anew after it was looked at': () => ({
        changes: { expectedDevice: '0:999999' },
        exit: { kind: 'wrong_storage', detail: 'it has been mounted anew since it was looked at' },
      }),
      'a symbolic link as output directory': (bench) => {
        mkdirSync(join(bench.folder, 'elsewhere'));
        symlinkSync(join(bench.folder, 'elsewhere'), bench.outputDir);
        return {
          exit: {
            kind: 'wrong_storage',
            detail: `${bench.outputDir} leads to ${join(bench.folder, 'elsewhere')}`,
          },
        };
      },
      'a symbolic link above the output directory': (bench) => {
        mkdirSync(join(bench.folder, 'elsewhere'));
        symlinkSync(join(bench.folder, 'elsewhere'), join(bench.folder, 'link'));
        return {
          changes: { outputDir: join(bench.folder, 'link', 'new') },
          exit: {
            kind: 'wrong_storage',
            detail: `${join(bench.folder, 'link')} leads to ${join(bench.folder, 'elsewhere')}`,
          },
        };
      },
      'a file where a folder should be': (bench) => {
        writeFileSync(bench.outputDir, '');
        return { exit: { kind: 'storage_error', operation: 'open the output directory', errno: 'ENOTDIR' } };
      },
      'a file system that takes no folders': () => ({
        changes: { outputDir: '/proc/healtharchive/output' },
        exit: { kind: 'storage_error', operation: 'make the output directory', errno: 'ENOENT' },
      }),
      'files of an earlier attempt of this name': (bench) => {
        mkdirSync(join(bench.outputDir, 'warcs'), { recursive: true });
        writeFileSync(join(bench.outputDir, 'warcs', '7-001-00000.warc.gz'), 'precious');
        return {
          exit: { kind: 'storage_error', operation: 'look for files of this attempt', errno: 'EEXIST' },
        };
      },
    };

  for (const [name, arrange] of Object.entries(problems)) {
    test(`the crawler is not started: ${name}`, async (t) => {
      const bench = new AttemptBench(t);
      const { changes, exit } = arrange(bench);
      const { record } = await bench.run(seeds, { ...script('touch started'), ...changes });
      assert.deepEqual(record.exit, exit);
      assert.equal(record.archived, null);
      assert.equal(existsSync(join(bench.outputDir, 'started')), false);
      if (record.exit.kind === 'wrong_storage')
        assert.equal(existsSync(join(bench.outputDir, 'warcs')), false);
    });
  }

  test('a missing mount leaves no folder behind on the local disk', async (t) => {
    const bench = new AttemptBench(t);
    await bench.run(seeds, {
      ...script('true'),
      expectedMount: { kind: 'mount', fstype: 'nfs4', source: 'box:/', root: '/' },
    });
    assert.equal(existsSync(bench.outputDir), false);
  });

  test('a program that is not installed', async (t) => {
    const bench = new AttemptBench(t);
    const { record, judgement } = await bench.run(seeds, {
      argv: ['crawler-that-is-not-there'],
      crawl: null,
    });
    assert.deepEqual(record.exit, {
      kind: 'not_started',
      program: 'crawler-that-is-not-there',
      errno: 'ENOENT',
    });
    assert.equal(judgement.outcome, 'config_error');
  });

  test('TERM: the crawler ends, and the record says so', async (t) => {
    const bench = new AttemptBench(t);
    const started = await bench.start(seeds, script('echo begun; sleep 30'));
    await until(() => started.log().includes('begun'), 'the crawler');
    started.attempt.terminate();
    await started.attempt.exited;
    const record = started.record();
    assert.deepEqual(record?.exit, { kind: 'signaled', signal: 'SIGTERM' });
    assert.equal(record.workerLost, false);
    started.attempt.terminate();
    started.attempt.kill();
  });

  test('TERM: an exit status that a crawler makes of it is not taken for its own', async (t) => {
    const bench = new AttemptBench(t);
    const started = await bench.start(seeds, {
      ...script('trap "exit 0" TERM; echo begun; sleep 30 & wait'),
      stopGraceMs: 300,
    });
    await until(() => started.log().includes('begun'), 'the crawler');
    started.attempt.terminate();
    await started.attempt.exited;
    assert.deepEqual(started.record()?.exit, { kind: 'signaled', signal: 'SIGTERM' });
  });

  test('a crawler that ignores TERM, with children, is killed after the grace', async (t) => {
    const bench = new AttemptBench(t);
    const started = await bench.start(seeds, {
      ...script('trap "" TERM; (trap "" TERM; sleep 30) & echo child $!; sleep 30'),
      stopGraceMs: 300,
    });
    await until(() => /child \d+/.test(started.log()), 'the crawler');
    const child = Number(/child (\d+)/.exec(started.log())?.[1]);
    started.attempt.terminate();
    await started.attempt.exited;
    assert.deepEqual(started.record()?.exit, { kind: 'signaled', signal: 'SIGKILL' });
    assert.equal(isAlive(child), false);
    await until(() => started.isLockFree(), 'the lock to be free');
  });

  test('children that outlive their crawler do not keep the attempt going', async (t) => {
    const bench = new AttemptBench(t);
    const { record } = await bench.run(seeds, script('sleep 60 & touch warcs/7-001-00000.warc.gz'));
    assert.deepEqual(record.exit, { kind: 'exited', code: 0 });
  });

  test('KILL: nothing of the attempt lives on, and its lock is free', async (t) => {
    const bench = new AttemptBench(t);
    const started = await bench.start(seeds, script('echo begun; sleep 30'));
    await until(() => started.log().includes('begun'), 'the crawler');
    started.attempt.kill();
    await started.attempt.exited;
    assert.equal(started.record(), null);
    await until(() => started.isLockFree(), 'the lock to be free');
  });

  test('the worker is killed: its crawler is ended, the record says why', async (t) => {
    const bench = new AttemptBench(t);
    const local = join(bench.folder, 'worker');
    mkdirSync(local);
    // A worker of its own, so that it can be killed: it starts an attempt and prints the pid of the launcher.
    const program = join(bench.folder, 'worker.ts');
    const launch = join(import.meta.dirname, '../../../src/effects/start-launcher.ts');
    const spec: LaunchSpec = {
      attempt: '7-001',
      token: 'token',
      outputDir: bench.outputDir,
      expectedMount: { kind: 'local' },
      expectedDevice: readMountTable().covering(bench.outputDir)?.device ?? '',
      argv: ['sh', '-c', 'echo begun; sleep 30'],
      crawl: null,
      reportFile: join(local, 'report.json'),
      scratchDir: join(local, 'scratch'),
      exitRecordFile: join(local, 'exit.json'),
      logFile: join(local, 'crawler.log'),
      container: null,
      stopGraceMs: 2000,
    };
    writeFileSync(
      program,
      `import { openSync } from 'node:fs';
     import { launchAttempt } from ${JSON.stringify(launch)};
     const spec = ${JSON.stringify(spec)};
     const logFd = openSync(spec.logFile, 'a');
     await launchAttempt(spec, { specFile: ${JSON.stringify(join(local, 'spec.json'))}, logFd, lockFd: openSync('/dev/null', 'r') });
     setInterval(() => {}, 1000);`,
    );
    const worker = spawn(process.execPath, [program], { stdio: 'inherit' });
    t.after(() => worker.kill('SIGKILL'));
    const log = (): string => (existsSync(spec.logFile) ? readFileSync(spec.logFile, 'utf8') : '');
    await until(() => log().includes('begun'), 'the crawler');
    worker.kill('SIGKILL');
    await until(() => existsSync(spec.exitRecordFile), 'the exit record');
    const record = JSON.parse(readFileSync(spec.exitRecordFile, 'utf8')) as ExitRecord;
    assert.equal(record.workerLost, true);
    assert.deepEqual(record.exit, { kind: 'signaled', signal: 'SIGTERM' });
    assert.equal(judge(record).outcome, 'interrupted');
  });

  test('release: this process does not wait for the attempt, which ends with it', async (t) => {
    const bench = new AttemptBench(t);
    const started = await bench.start(seeds, script('echo begun; sleep 30'));
    await until(() => started.log().includes('begun'), 'the crawler');
    started.attempt.release();
    await until(() => started.record() !== null, 'the exit record');
    assert.equal(started.record()?.workerLost, true);
  });

  test('a launcher that is stopped by the kernel blocks no call of the handle', async (t) => {
    const bench = new AttemptBench(t);
    const started = await bench.start(seeds, script('echo begun; sleep 30'));
    await until(() => started.log().includes('begun'), 'the crawler');
    process.kill(-started.attempt.pid, 'SIGSTOP');
    const began = performance.now();
    started.attempt.terminate();
    started.attempt.release();
    assert.ok(performance.now() - began < 200);
    process.kill(-started.attempt.pid, 'SIGCONT');
    await started.attempt.exited;
  });

  const container = { engine: 'podman', name: 'healtharchive-7-001', workDir: 'attempts/001/work' };

  test('how much a container has archived is in its report', { timeout: 60_000 }, async (t) => {
    const bench = new AttemptBench(t);
    const started = await bench.start(seeds, {
      ...script(
        'cd attempts/001/work && mkdir c && printf 12345 > c/a.warc.gz && printf x > c/pages.jsonl && sleep 60',
      ),
      container,
    });
    await until(() => existsSync(started.spec.reportFile), 'the report', 30_000);
    const report = JSON.parse(readFileSync(started.spec.reportFile, 'utf8')) as unknown;
    assert.deepEqual(report, { attempt: '7-001', lifeSigns: 5, bytes: 5 });
  });

  test('what a container leaves gets the names of the contract, in order, and nothing is overwritten', async (t) => {
    const bench = new AttemptBench(t);
    const { record } = await bench.run(seeds, {
      ...script(
        'cd attempts/001/work && mkdir -p c/archive && echo b > c/archive/rec-2.warc.gz && echo a > c/archive/rec-1.warc.gz && echo x > c/pages.jsonl',
      ),
      container,
    });
    assert.deepEqual(bench.warcs(), ['7-001-00000.warc.gz', '7-001-00001.warc.gz']);
    assert.equal(readFileSync(join(bench.outputDir, 'warcs', '7-001-00000.warc.gz'), 'utf8'), 'a\n');
    assert.equal(record.archived?.warcFiles, 2);
    assert.ok(existsSync(join(bench.outputDir, 'attempts/001/work/c/pages.jsonl')));
  });

  test('a container is removed by its name when the attempt is stopped or killed', async (t) => {
    const bench = new AttemptBench(t);
    const removed = join(bench.folder, 'removed');
    fakeProgram(t, bench, 'podman', `echo "$@" >> '${removed}'`);
    for (const end of ['terminate', 'kill'] as const) {
      const started = await bench.start(seeds, { ...script('echo begun; sleep 30'), container });
      await until(() => started.log().includes('begun'), 'the crawler');
      started.attempt[end]();
      await started.attempt.exited;
      await until(() => existsSync(removed), 'the removal');
      assert.match(readFileSync(removed, 'utf8'), /^(rm -f --time=0 healtharchive-7-001\n)+$/);
      execFileSync('rm', [removed]);
    }
  });
});
