/**
 * A crawl onto a real sshfs mount that breaks in the middle. Run in a mount namespace of its own by dead-storage.test.ts:
 *   node dead-storage-scene.ts kill|freeze|fill
 * The server is OpenSSH's sftp-server on a pipe, so neither sshd nor keys are needed. Prints one line of JSON.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSite } from '../../lab/site.ts';
import { readMountTable } from '../../src/effects/read-mounts.ts';
import { identityOf } from '../../src/core/storage/path-report.ts';
import { AttemptBench, until } from './attempt-bench.ts';

export interface SceneResult {
  readonly record: ReturnType<Awaited<ReturnType<AttemptBench['start']>>['record']>;
  /** Requests that the site answered after the fault. */
  readonly hitsAfterFault: number;
  /** From the fault to the end of the launcher; null: it had not ended after five seconds. */
  readonly endedAfterMs: number | null;
  /** The longest time that a call of the handle took. */
  readonly slowestCallMs: number;
  /** Whether the lock still said "this crawler lives", after KILL. */
  readonly isLockFreeAfterKill: boolean | null;
}

const fault = process.argv[2];
const cleanUps: (() => void | Promise<void>)[] = [];
const bench = new AttemptBench({ after: (cleanUp) => cleanUps.unshift(cleanUp) });
const site = await startSite({ pages: 400, delayMs: 10, slowMs: 10 });
cleanUps.unshift(() => site.close());
try {
  process.stdout.write(`${JSON.stringify(await scene())}\n`);
} finally {
  for (const cleanUp of cleanUps) await cleanUp();
}

async function scene(): Promise<SceneResult> {
  const sshfs = await mountBox();
  const mount = readMountTable().covering(bench.outputDir);
  const started = await bench.start([site.url], { expectedMount: identityOf(mount) });
  await until(() => site.hits.length > 40 || started.record() !== null, 'some pages');
  assert.equal(started.record(), null, started.log());
  if (fault === 'kill') process.kill(sshfs, 'SIGKILL');
  if (fault === 'freeze') process.kill(sshfs, 'SIGSTOP');
  const hits = site.hits.length;
  const faultAt = Date.now();
  let slowestCallMs = 0;
  const timed = (call: () => void): void => {
    const began = performance.now();
    call();
    slowestCallMs = Math.max(slowestCallMs, performance.now() - began);
  };
  let isLockFreeAfterKill: boolean | null = null;
  if (fault === 'freeze') {
    await until(crawlStandsStill, 'the crawl to stand still');
    timed(started.attempt.terminate);
    await waitMs(500);
    timed(started.attempt.kill);
    await waitMs(500);
    isLockFreeAfterKill = await started.isLockFree();
  }
  const hasEnded = await Promise.race([
    started.attempt.exited.then(() => true),
    waitMs(5000).then(() => false),
  ]);
  const endedAfterMs = hasEnded ? Date.now() - faultAt : null;
  timed(started.attempt.release);
  if (fault === 'freeze') process.kill(sshfs, 'SIGCONT');
  return {
    record: started.record(),
    hitsAfterFault: site.hits.length - hits,
    endedAfterMs,
    slowestCallMs,
    isLockFreeAfterKill,
  };
}

async function mountBox(): Promise<number> {
  const box = join(bench.folder, 'box');
  const server = join(bench.folder, 'sftp');
  mkdirSync(box);
  mkdirSync(bench.outputDir);
  if (fault === 'fill') execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'none', box]);
  writeFileSync(server, '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n');
  chmodSync(server, 0o755);
  const child = spawn('sshfs', ['-f', '-o', `ssh_command=${server}`, `box:${box}`, bench.outputDir], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  cleanUps.unshift(() => {
    execFileSync('umount', ['-l', bench.outputDir]);
    child.kill('SIGKILL');
    if (fault === 'fill') execFileSync('umount', [box]);
  });
  await until(() => readMountTable().topmostAt(bench.outputDir) !== undefined, 'the mount');
  assert.ok(child.pid);
  return child.pid;
}

/** The crawler waits for storage: it has asked the site for nothing in the last second. */
async function crawlStandsStill(): Promise<boolean> {
  const hits = site.hits.length;
  await waitMs(1000);
  return site.hits.length === hits;
}

function waitMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
