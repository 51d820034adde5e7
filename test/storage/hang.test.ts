import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { abandonedChildCount } from '../../src/effects/stuck-children.ts';
import { runCommand } from '../../src/effects/command.ts';
import { checkWritable, freeSpace } from '../../src/effects/storage-access.ts';
import { processStart } from '../../src/effects/host.ts';
import { bindOf, expectStates, first, nothing, observe } from './observing.ts';
import { insidePrivateMounts } from './private-mounts.ts';
import { StorageBox, until } from './storage-box.ts';

/** Short, so that the tests end before sshfs gives the frozen server up (12 s). */
const timeoutMs = 3000;

if (insidePrivateMounts(import.meta.url)) {
  let box: StorageBox;

  before(async () => {
    box = await StorageBox.start();
    box.makeFolders('served/jobs/hc', 'jobs/hc', 'jobs/plain');
    await box.mount('base');
    await box.bind('base/jobs/hc', 'jobs/hc');
  });
  afterEach(() => {
    box.thawServer();
  });
  after(() => box.end());

  const paths = () =>
    [
      ['jobs/hc', bindOf(box, 'hc')],
      ['jobs/plain', nothing],
    ] as const;

  function stuckPids(): number[] {
    const folder = box.path(`run/probes-${process.geteuid?.() ?? 0}`);
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => (JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as { pid: number }).pid)
      .filter((pid) => processStart(pid) !== undefined);
  }

  async function untilHealthy(): Promise<void> {
    await until(
      'the stuck children have ended',
      () => abandonedChildCount() === 0 && stuckPids().length === 0,
    );
    await expectStates(box, [['jobs/hc', bindOf(box, 'hc'), 'healthy']], 'healthy');
  }

  test('server frozen: hung in time, and asked only once while the first question is blocked', async () => {
    box.freezeServer();
    const startedAt = performance.now();
    const report = await observe(box, paths(), timeoutMs);
    assert.ok(performance.now() - startedAt < timeoutMs + 1000);
    assert.deepEqual(
      [report.base?.state, ...report.paths.map(({ state }) => state)],
      ['hung', 'hung', 'healthy'],
    );
    assert.match(first(report).reason, /no answer in time(; \d+ requests? without an answer)?, seen at/);
    assert.equal(stuckPids().length, 1);
    assert.equal(abandonedChildCount(), 1);

    const again = performance.now();
    const second = await observe(box, paths(), timeoutMs);
    assert.ok(performance.now() - again < timeoutMs, 'what is known to hang is not waited for');
    assert.equal(first(second).state, 'hung');
    assert.match(first(second).reason, new RegExp(`still blocked \\(process ${stuckPids().join()}\\)`));
    const write = await checkWritable(box.path('jobs/hc'), { timeoutMs, stuckDir: box.path('run') });
    assert.equal(write.kind, 'still_blocked');
    const free = await freeSpace(box.path('base'), { timeoutMs, stuckDir: box.path('run') });
    assert.equal(free.kind, 'still_blocked');
    assert.equal(abandonedChildCount(), 1, 'no second process was left behind');
    box.thawServer();
    await untilHealthy();
  });

  test('another process sees the blocked question of the first, and ends at once although its own is stuck', async () => {
    box.freezeServer();
    const one = await observeInProcess();
    assert.equal(one.state, 'hung');
    assert.ok(one.afterAnswerMs < 500, `it took ${one.afterAnswerMs} ms to end after its answer`);
    const two = await observeInProcess();
    assert.match(two.reason, /still blocked/);
    assert.equal(stuckPids().length, 1);
    box.thawServer();
    await until('the stuck child of the ended process has ended', () => {
      return stuckPids().length === 0;
    });
    // The record that its parent left behind counts for nothing any more.
    await untilHealthyOf(observeInProcess);
  });

  test('a command that is blocked on storage is abandoned in time', async () => {
    box.freezeServer();
    const startedAt = performance.now();
    const result = await runCommand(['ls', box.path('base/never-seen')], {
      deadlineMs: 300,
      killGraceMs: 200,
    });
    assert.ok(result.kind === 'timed_out' && result.isAbandoned, JSON.stringify(result));
    assert.ok(performance.now() - startedAt < 2000);
    assert.equal(abandonedChildCount(), 1);
    box.thawServer();
    await untilHealthy();
  });

  test('what lies inside a hung mount is hung without being asked', async () => {
    box.makeFolders('served/jobs/hc/inner');
    await box.mount('other');
    await box.bind('other', 'jobs/hc/inner');
    box.freezeServer();
    const report = await observe(box, [['jobs/hc/inner/x', nothing]], timeoutMs);
    assert.equal(first(report).state, 'hung');
    assert.match(first(report).reason, /seen at/);
    box.thawServer();
    await until('the stuck children have ended', () => abandonedChildCount() === 0);
    await box.unmount('jobs/hc/inner');
  });

  interface ChildReport {
    readonly state: string;
    readonly reason: string;
    /** From the answer to the end of the process. */
    readonly afterAnswerMs: number;
  }

  async function observeInProcess(): Promise<ChildReport> {
    const child: ChildProcess = spawn(
      process.execPath,
      [new URL('./observe-once.ts', import.meta.url).pathname, box.folder, String(timeoutMs)],
      { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let answeredAt = 0;
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      answeredAt = performance.now();
      text += chunk.toString();
    });
    await new Promise((resolve) => child.once('exit', resolve));
    const afterAnswerMs = performance.now() - answeredAt;
    return { ...(JSON.parse(text) as { state: string; reason: string }), afterAnswerMs };
  }

  async function untilHealthyOf(look: () => Promise<ChildReport>): Promise<void> {
    await until('it is healthy again', async () => (await look()).state === 'healthy');
  }
}
