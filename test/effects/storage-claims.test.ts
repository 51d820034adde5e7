import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { bootClockMs, processStart, thisBootId } from '../../src/effects/host.ts';
import { claimFolder, claimSuperblock } from '../../src/effects/stuck-children.ts';

const uid = process.geteuid?.() ?? 0;
const device = '0:999';
let parent: string;
let folder: string;
let record: string;
let child: ChildProcess;
const children: ChildProcess[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'healtharchive-claims-'));
  folder = claimFolder(parent) ?? '';
  record = `${folder}/0-999.json`;
  child = sleeping();
});
afterEach(() => {
  rmSync(parent, { recursive: true });
});
after(() => {
  for (const each of children) each.kill('SIGKILL');
});

function sleeping(): ChildProcess {
  const process = spawn('sleep', ['60'], { stdio: 'ignore' });
  children.push(process);
  return process;
}

function pidOf(process: ChildProcess): number {
  assert.ok(process.pid);
  return process.pid;
}

/** As another process of the same user would have left it. */
function writeRecord(pid: number, changed: object = {}): void {
  const startTicks = processStart(pid)?.startTicks ?? 1;
  const holder = { bootId: thisBootId(), pid, startTicks, heardAtBootMs: bootClockMs(), ...changed };
  writeFileSync(record, JSON.stringify(holder), { mode: 0o600 });
}

test('one claim at a time, within a process and on disk; free again after release', () => {
  const claim = claimSuperblock(folder, device, pidOf(child));
  assert.ok(claim.kind === 'claimed');
  assert.equal((JSON.parse(readFileSync(record, 'utf8')) as { pid: number }).pid, child.pid);
  const second = claimSuperblock(folder, device, pidOf(sleeping()));
  assert.deepEqual([second.kind, second.kind === 'held' && second.pid], ['held', child.pid]);
  assert.equal(
    claimSuperblock(folder, '0:998', pidOf(sleeping())).kind,
    'claimed',
    'another superblock is free',
  );
  claim.release();
  const third = claimSuperblock(folder, device, pidOf(sleeping()));
  assert.ok(third.kind === 'claimed');
  third.release();
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('0-999')),
    [],
  );
});

test("another process' living child holds the superblock, and for how long it has heard nothing is known", () => {
  const holder = sleeping();
  writeRecord(pidOf(holder), { heardAtBootMs: bootClockMs() - 5000 });
  const claim = claimSuperblock(folder, device, pidOf(child));
  assert.ok(claim.kind === 'held');
  assert.equal(claim.pid, holder.pid);
  assert.ok(claim.silentMs >= 5000 && claim.silentMs < 60_000, String(claim.silentMs));
});

test('who is answered says so, for this process and for others', async () => {
  const claim = claimSuperblock(folder, device, pidOf(child));
  assert.ok(claim.kind === 'claimed');
  await new Promise((resolve) => setTimeout(resolve, 300));
  claim.renew();
  const { heardAtBootMs } = JSON.parse(readFileSync(record, 'utf8')) as { heardAtBootMs: number };
  assert.ok(bootClockMs() - heardAtBootMs < 250);
  const again = claimSuperblock(folder, device, pidOf(sleeping()));
  assert.ok(again.kind === 'held' && again.silentMs < 250);
  claim.release();
});

test('a claim of another process is never renewed away', () => {
  const claim = claimSuperblock(folder, device, pidOf(child));
  assert.ok(claim.kind === 'claimed');
  const other = pidOf(sleeping());
  writeRecord(other);
  claim.renew();
  claim.release();
  assert.equal((JSON.parse(readFileSync(record, 'utf8')) as { pid: number }).pid, other);
});

test('a record counts for nothing: the process ended, its number went to another one, it is of an earlier boot', async () => {
  const ended = spawn('true', { stdio: 'ignore' });
  const startTicks = processStart(pidOf(ended))?.startTicks ?? 1;
  await new Promise((resolve) => ended.once('exit', resolve));
  const living = pidOf(sleeping());
  for (const write of [
    () => {
      writeRecord(pidOf(ended), { startTicks });
    },
    () => {
      writeRecord(living, { startTicks: 1 });
    },
    () => {
      writeRecord(living, { bootId: 'earlier' });
    },
    () => {
      writeFileSync(record, 'garbage');
    },
    () => {
      writeFileSync(record, '');
    },
    () => {
      writeFileSync(record, 'x'.repeat(100_000));
    },
    () => {
      writeFileSync(record, '{"pid":"1","bootId":null}');
    },
  ]) {
    write();
    const claim = claimSuperblock(folder, device, pidOf(child));
    assert.ok(claim.kind === 'claimed');
    claim.release();
  }
});

test('a record that is a symbolic link is not followed', () => {
  const elsewhere = join(parent, 'elsewhere.json');
  const living = pidOf(sleeping());
  writeRecord(living);
  writeFileSync(elsewhere, readFileSync(record));
  rmSync(record);
  symlinkSync(elsewhere, record);
  const claim = claimSuperblock(folder, device, pidOf(child));
  assert.ok(claim.kind === 'claimed');
  claim.release();
  assert.ok(readFileSync(elsewhere, 'utf8').includes(String(living)), 'what it points to is left alone');
});

test(
  "root does not believe another user's record or folder",
  { skip: uid === 0 ? false : 'needs root' },
  () => {
    writeRecord(pidOf(sleeping()));
    chownSync(record, 65534, 65534);
    const claim = claimSuperblock(folder, device, pidOf(child));
    assert.ok(claim.kind === 'claimed');
    claim.release();
    chownSync(folder, 65534, 65534);
    assert.equal(claimFolder(parent), null);
  },
);

test('a folder that others can write to, a link, or a file in its place is not used', () => {
  chmodSync(folder, 0o777);
  assert.equal(claimFolder(parent), null);
  rmSync(folder, { recursive: true });
  mkdirSync(join(parent, 'real'), { mode: 0o700 });
  symlinkSync(join(parent, 'real'), folder);
  assert.equal(claimFolder(parent), null);
  rmSync(folder);
  writeFileSync(folder, '');
  assert.equal(claimFolder(parent), null);
});

test('without a folder the claim holds within this process', () => {
  const claim = claimSuperblock(null, device, pidOf(child));
  assert.ok(claim.kind === 'claimed');
  assert.equal(claimSuperblock(null, device, pidOf(sleeping())).kind, 'held');
  claim.release();
});

test('a folder that vanished stops nobody from looking at storage', () => {
  rmSync(folder, { recursive: true });
  const claim = claimSuperblock(folder, device, pidOf(child));
  assert.ok(claim.kind === 'claimed');
  claim.release();
});

test('when a process began', () => {
  const start = processStart(process.pid);
  assert.ok(start && start.startTicks > 0);
  assert.equal(processStart(2 ** 22 + 1), undefined);
});
