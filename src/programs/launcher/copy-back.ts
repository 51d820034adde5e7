/**
 * The last act of an attempt: its log and exit record are copied from local disk to `attempts/NNN/` in the output
 * directory. It is done by a process of its own that nobody waits for, as storage may hang; it inherits the checked
 * working directory, and nothing that says "this crawler lives".
 */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import type { LaunchSpec } from '../../core/attempts/launch-spec.ts';
import { programPath } from '../../effects/program-path.ts';

/** The argument, after the spec's path, with which the launcher program copies and does nothing else. */
export const COPY_BACK = 'copy-back';

/** Whatever they are called on local disk, these are the names in the output directory. */
const LOG_COPY = 'crawler.log';
const EXIT_RECORD_COPY = 'exit-record.json';

const CHUNK_BYTES = 1 << 20;

export function startCopyBack(specFile: string): void {
  const argv = ['--disable-warning=ExperimentalWarning', '--', programPath('launcher'), specFile, COPY_BACK];
  const child = spawn(process.execPath, argv, { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
}

export function copyBack(spec: LaunchSpec, folder: string): void {
  copySynced(spec.logFile, `${folder}/${LOG_COPY}`);
  copySynced(spec.exitRecordFile, `${folder}/${EXIT_RECORD_COPY}`);
}

function copySynced(from: string, to: string): void {
  const source = openSync(from, 'r');
  const target = openSync(`${to}.tmp`, 'w', 0o644);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let bytes = readSync(source, buffer); bytes > 0; bytes = readSync(source, buffer)) {
      for (let written = 0; written < bytes;) written += writeSync(target, buffer, written, bytes - written);
    }
    fsyncSync(target);
  } finally {
    closeSync(source);
    closeSync(target);
  }
  renameSync(`${to}.tmp`, to);
}
