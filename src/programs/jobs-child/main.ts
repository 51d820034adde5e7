/**
 * The jobs child: reads and changes jobs for commands that must not wait for a database, nor die with it (`storage *`, `metrics write`,
 * `ops evidence`, `worker auto-start`).
 *
 *   started by   src/hot-paths/jobs-if-known.ts and src/recovery/job-changes.ts, as whoever runs the command; root's too
 *   stdin        one JSON document, JobsRequest or JobChangesRequest · stdout: one JSON document, its answer
 *   touches      the database, and the state folder on local disk; never storage
 *   outlives     nobody: the command ends it at its deadline. One that hangs in the kernel, as a database file on dead storage makes it,
 *                is left behind, and no second one is sent after it (stuck-children.ts)
 *
 * As root it writes the worker's SQLite database; SQLite gives -wal and -shm the owner of the database then.
 */
import { readFileSync, writeSync } from 'node:fs';
import type { JobsRequest } from '../../hot-paths/jobs-if-known.ts';
import type { JobChangesRequest } from '../../recovery/job-changes.ts';
import { changeJobs } from './change-jobs.ts';
import { readJobs } from './read-jobs.ts';

function writeAll(text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) written += writeSync(1, bytes, written);
}

const request = JSON.parse(readFileSync(0, 'utf8')) as JobsRequest | JobChangesRequest;
const isReading = request.kind === 'needed' || request.kind === 'archives';
writeAll(JSON.stringify(isReading ? await readJobs(request) : await changeJobs(request)));
// A connection to a server that says nothing would keep it here for ten seconds more.
process.exit(0);
