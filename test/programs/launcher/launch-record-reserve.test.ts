/** The exit record on a local disk that is full: a tmpfs of a few pages in a mount namespace of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ExitRecord } from '../../../src/core/attempts/attempt-end.ts';
import { RecordReserve } from '../../../src/programs/launcher/record-reserve.ts';
import { AttemptBench } from '../../attempts/attempt-bench.ts';
import { record, report, summary } from '../../core/attempts/outcome-cases.ts';

const MODULE = fileURLToPath(new URL('../../../src/programs/launcher/record-reserve.ts', import.meta.url));
const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0;

/** Runs `code` where `disk` is an empty disk of 64 KiB, and gives what it prints. */
function onSmallDisk(folder: string, code: string): string {
  const program = join(folder, 'program.ts');
  writeFileSync(
    program,
    `import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
     import { RecordReserve } from ${JSON.stringify(MODULE)};
     const disk = ${JSON.stringify(join(folder, 'disk'))};
     const fill = (): void => {
       try { writeFileSync(disk + '/filler', Buffer.alloc(1 << 20)); } catch {}
     };
     ${code}`,
  );
  const script = `mkdir "$1/disk" && mount -t tmpfs -o size=64k none "$1/disk" && exec "$2" --disable-warning=ExperimentalWarning "$3"`;
  const argv = ['-Urm', 'sh', '-c', script, 'sh', folder, process.execPath, program];
  const { status, stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

function temporaryFolder(t: { after(cleanUp: () => void): unknown }): string {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-reserve-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

test('with room left the record is written as ever, and the reserve is gone', (t) => {
  const folder = temporaryFolder(t);
  const reserve = new RecordReserve(join(folder, 'exit.json'));
  assert.deepEqual(readdirSync(folder), ['exit.json.reserve']);
  reserve.write(record());
  assert.deepEqual(readdirSync(folder), ['exit.json']);
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'exit.json'), 'utf8')), record());
});

test('the disk is full in the end: the record takes the reserved room', { skip: !canMount }, (t) => {
  const failed = [{ url: `http://b.example/${'x'.repeat(20_000)}`, because: 'reset' }];
  const long: ExitRecord = record({ crawl: report({ summary: summary({ failed }) }) });
  for (const [given, kept] of [
    [record(), record()],
    [long, record({ crawl: report({ currentUrl: null, summary: summary({ failed: [] }) }) })],
  ]) {
    const printed = onSmallDisk(
      temporaryFolder(t),
      `const reserve = new RecordReserve(disk + '/exit.json');
       fill();
       reserve.write(${JSON.stringify(given)});
       console.log(readFileSync(disk + '/exit.json', 'utf8'));
       console.error(readdirSync(disk));
       if (existsSync(disk + '/exit.json.reserve')) process.exit(1);`,
    );
    assert.deepEqual(JSON.parse(printed), kept);
  }
});

test('no room for the reserve', { skip: !canMount }, (t) => {
  const printed = onSmallDisk(
    temporaryFolder(t),
    `fill();
     try { new RecordReserve(disk + '/exit.json'); } catch (error) { console.log(error.code, readdirSync(disk).join()); }`,
  );
  assert.equal(printed, 'ENOSPC filler\n');
});

test('an attempt that can not reserve room ends before it crawls', async (t) => {
  const bench = new AttemptBench(t);
  const started = await bench.start(['http://127.0.0.1:9/'], {
    argv: ['sh', '-c', 'echo crawling'],
    crawl: null,
    exitRecordFile: join(bench.folder, 'absent', 'exit.json'),
  });
  await started.attempt.exited;
  assert.match(started.log(), /no room for the exit record.*ENOENT/);
  assert.doesNotMatch(started.log(), /crawling/);
  assert.equal(existsSync(bench.outputDir), false);
});
