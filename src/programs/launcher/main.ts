/**
 * The launcher: runs one attempt, so that the worker never touches storage itself.
 *
 *   started by   src/effects/start-launcher.ts, for the worker, in `/`, in a session of its own; the crawler shares its process group
 *   argv         path of the spec (JSON of LaunchSpec)
 *   fd 0         lifeline from the worker: its end means that the worker is gone
 *   fd 1, 2      the attempt's log · fd 3: the attempt's flock'd descriptor, passed on to the crawler
 *   touches      the output directory, opened once and compared with what was admitted; the attempt's files on local disk
 *   outlives     the worker, for as long as it takes to end the crawler and write the exit record. What it leaves behind when it is
 *                killed is up to the crawler's lock
 *
 * It ends with status 0 once the exit record is written, and with 74 when there is no room for one, before anything is crawled.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExitRecord } from '../../core/attempts/attempt-end.ts';
import {
  type LauncherProcess,
  launcherProcessFile,
  type LaunchSpec,
} from '../../core/attempts/launch-spec.ts';
import { writeFileAtomically } from '../../effects/small-file.ts';
import { startCopyBack } from './copy-back.ts';
import { errnoOf } from './errno.ts';
import { RecordReserve } from './record-reserve.ts';
import { runAttempt } from './run-attempt.ts';
import { writeToLog } from './run-crawler.ts';
import { watchForStop } from './stop-request.ts';
import { processStart, thisBootId } from '../../effects/host.ts';

/** As in sysexits.h: an input/output error. */
const NO_ROOM_FOR_RECORD = 74;

const [, , specFile] = process.argv;
if (specFile === undefined) throw new Error('usage: launcher SPEC_FILE');
// The worker wrote it; a spec of another version is a bug that TypeScript's types can't see, and shows in the log.
const spec = JSON.parse(readFileSync(specFile, 'utf8')) as LaunchSpec;

await main(spec, specFile);

/** For whoever must end the attempt without its worker. That it can't be written is no reason not to crawl. */
function sayWhoWeAre(specFile: string): void {
  const start = processStart(process.pid);
  if (start === undefined) return;
  const who: LauncherProcess = { bootId: thisBootId(), pid: process.pid, startTicks: start.startTicks };
  try {
    writeFileAtomically(join(dirname(specFile), launcherProcessFile), `${JSON.stringify(who)}\n`);
  } catch (error) {
    writeToLog(`launcher: ${launcherProcessFile} could not be written (${errnoOf(error)})\n`);
  }
}

async function main(spec: LaunchSpec, specFile: string): Promise<void> {
  let reserve: RecordReserve;
  try {
    reserve = new RecordReserve(spec.exitRecordFile);
  } catch (error) {
    writeToLog(`launcher: nothing is crawled: no room for the exit record (${errnoOf(error)})\n`);
    process.exitCode = NO_ROOM_FOR_RECORD;
    return;
  }
  const stop = watchForStop();
  sayWhoWeAre(specFile);
  const startedAtMs = Date.now();
  const result = await runAttempt(spec, stop);
  const { folder, ...outcome } = result;
  const record: ExitRecord = {
    attempt: spec.attempt,
    token: spec.token,
    startedAtMs,
    finishedAtMs: Date.now(),
    workerLost: stop.reason() === 'worker_lost',
    ...outcome,
  };
  writeToLog(`launcher: ${JSON.stringify(record.exit)}\n`);
  reserve.write(record);
  if (folder !== null) startCopyBack(spec, folder);
  // Nothing else keeps this process running: it ends here.
  process.stdin.destroy();
}
