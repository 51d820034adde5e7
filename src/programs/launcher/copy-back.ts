/**
 * The last act of an attempt: its log and exit record are copied from local disk to `attempts/NNN/` in the output
 * directory. It is done by a shell that nobody waits for, as storage may hang; it inherits the checked working directory,
 * and nothing that says "this crawler lives".
 */
import { spawn } from 'node:child_process';
import type { LaunchSpec } from '../../core/attempts/launch-spec.ts';

/** Whatever they are called on local disk, these are the names in the output directory. */
const LOG_COPY = 'crawler.log';
const EXIT_RECORD_COPY = 'exit-record.json';

/** Each is whole, and on the storage, before it has its name. */
const SCRIPT = `
copy() {
  cp --no-preserve=all --remove-destination --no-target-directory -- "$1" "$2.tmp" &&
    sync -- "$2.tmp" &&
    mv --force --no-target-directory -- "$2.tmp" "$2"
}
copy "$1" "$2"
copy "$3" "$4"
`;

/** @param folder in the working directory */
export function startCopyBack({ logFile, exitRecordFile }: LaunchSpec, folder: string): void {
  const files = [logFile, `${folder}/${LOG_COPY}`, exitRecordFile, `${folder}/${EXIT_RECORD_COPY}`];
  const child = spawn('sh', ['-c', SCRIPT, 'copy-back', ...files], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
}
