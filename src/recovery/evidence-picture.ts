/** What is in the evidence of a moment, file by file. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Configuration } from '../config/schema.ts';
import type { Job } from '../core/jobs/job.ts';
import type { RecoveryWorld } from '../core/recovery/recovery-world.ts';
import { redact, redactedJson } from '../core/text/redact.ts';
import { runCommand } from '../effects/command.ts';
import { readFuseConnections } from '../effects/read-mounts.ts';
import { readPlainFile } from '../effects/small-file.ts';
import { programVersion } from '../effects/program-path.ts';
import type { JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { memoryFile } from './memory-file.ts';

/** Of one file; there are twelve, so all are less than 5 MB. */
export const maxFileBytes = 400_000;
/** What a program has printed by then counts. */
const commandDeadlineMs = 8000;

/** What is known already, or soon. */
export interface EvidenceSources {
  readonly world: Promise<RecoveryWorld>;
  readonly jobs: Promise<JobsIfKnown>;
}

export interface Content {
  readonly text: string;
  /** Why it is not all that it should be, as a sentence without full stop; null: it is. */
  readonly problem: string | null;
}

const ownUnits = [
  'healtharchive-tiering.service',
  'healtharchive-storage-hotpath-auto-recover.service',
  'healtharchive-storage-hotpath-auto-recover.timer',
  'healtharchive-storage-hotpath-auto-recover.path',
  'healtharchive-worker-auto-start.service',
];

/** Everything is read side by side, by programs with deadlines. Storage is not touched: what it answered is in the world that was seen. */
export function pictureOf(
  configuration: Configuration,
  { world, jobs }: EvidenceSources,
): Record<string, Promise<Content>> {
  const { storagebox, hot_mounts, worker } = configuration;
  const units = [
    ...new Set([storagebox.unit, ...hot_mounts.map(({ unit }) => unit), worker.unit, ...ownUnits]),
  ];
  const files: Record<string, Promise<Content>> = {
    'mounts.txt': file('/proc/self/mountinfo'),
    'world.json': world.then((seen) => complete(redactedJson(seen))),
    'jobs.json': jobs.then(describeJobs),
    'memory.json': file(memoryFile(configuration)),
    'fuse.txt': Promise.resolve(fuseConnections()),
    'units.txt': printed(['systemctl', 'show', '--no-pager', `--property=${unitProperties}`, '--', ...units]),
    'timers.txt': printed(['systemctl', 'list-timers', '--all', '--no-pager', 'healtharchive-*']),
    'processes.txt': processes(),
    'kernel-log.txt': printed(['journalctl', ...journal, '--dmesg', '--lines=400']),
    'units-log.txt': printed([
      'journalctl',
      ...journal,
      '--lines=800',
      ...units.map((unit) => `--unit=${unit}`),
    ]),
    'versions.txt': versions(),
  };
  // Caught at once: whoever asks for them may be busy with another one when they fail.
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [name, content.catch(failed)]));
}

function failed(error: unknown): Content {
  const { code, message } = error as NodeJS.ErrnoException;
  return { text: '', problem: code === 'ENOENT' ? 'there is none yet' : (code ?? redact(message)) };
}

/** Requests without an answer, of each FUSE connection that we may read. */
function fuseConnections(): Content {
  return complete(
    [...readFuseConnections()].map(([device, waiting]) => `${device} waiting=${waiting}\n`).join(''),
  );
}

const journal = ['--no-pager', '--quiet', '--output=short-iso-precise'] as const;

const unitProperties =
  'Id,LoadState,ActiveState,SubState,UnitFileState,Result,ExecMainCode,ExecMainStatus,MainPID,NRestarts,InvocationID,' +
  'StateChangeTimestamp,ActiveEnterTimestamp,InactiveEnterTimestamp,StatusText';

function complete(text: string): Content {
  return { text, problem: null };
}

async function file(path: string): Promise<Content> {
  return await Promise.resolve(complete(redact(readPlainFile(path, { followLinks: false }))));
}

async function printed(argv: readonly [string, ...string[]]): Promise<Content> {
  const result = await runCommand(argv, { deadlineMs: commandDeadlineMs, maxOutputBytes: maxFileBytes });
  if (result.kind === 'not_found') return { text: '', problem: `${argv[0]} is not installed` };
  if (result.kind === 'failed')
    return { text: '', problem: `${argv[0]} could not be started (${result.errno})` };
  const text = redact(result.stdout + result.stderr);
  if (result.kind === 'exited' && result.code === 0) return complete(text);
  const how =
    result.kind === 'exited'
      ? `ended with status ${result.code}`
      : result.kind === 'signaled'
        ? `was ended by ${result.signal}`
        : `did not end within ${commandDeadlineMs / 1000} s`;
  return { text, problem: `${argv[0]} ${how}` };
}

/** Who serves mounts, who crawls, and whoever is held by the kernel; with age, and where in the kernel it waits. */
async function processes(): Promise<Content> {
  const columns = 'pid=,ppid=,user=,stat=,wchan:24=,etimes=,args=';
  const { text, problem } = await printed(['ps', '-e', 'ww', '-o', columns]);
  const isOfInterest = (line: string): boolean => {
    const [, , , state = '', , , program = '', argument = ''] = line.trim().split(/\s+/);
    const names = [program, argument].map((word) => word.slice(word.lastIndexOf('/') + 1));
    return state.startsWith('D') || names.some((name) => ofInterest.test(name));
  };
  return { text: text.split('\n').filter(isOfInterest).join('\n'), problem };
}

const ofInterest = /^(?:sshfs|ssh|rclone|node|healtharchive|podman|docker|conmon|(?:u?mount|fusermount).*)$/;

async function versions(): Promise<Content> {
  const programs = [
    ['sshfs', '--version'],
    ['fusermount3', '--version'],
    ['ssh', '-V'],
    ['journalctl', '--version'],
  ] as const;
  const answers = await Promise.all(programs.map(async (argv) => (await printed(argv)).text.trim()));
  const own = [`healtharchive ${programVersion()}`, `node ${process.version}`, `linux ${release()}`];
  return complete([...own, osRelease(), ...answers].join('\n'));
}

function osRelease(): string {
  try {
    return /^PRETTY_NAME=.*$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[0] ?? '';
  } catch {
    return '';
  }
}

/** Jobs that run or wait: how they stand, not what they crawl. */
function describeJobs(known: JobsIfKnown): Content {
  if (!known.isKnown) return { text: '', problem: known.because };
  return complete(redactedJson(known.jobs.filter(({ status }) => isOpen(status)).map(describeJob)));
}

function isOpen(status: Job['status']): boolean {
  return status === 'queued' || status === 'running' || status === 'retryable';
}

function describeJob(job: Job): object {
  const {
    id,
    source,
    name,
    status,
    crawlerStatus,
    retryCount,
    outputDir,
    attempts,
    lastError,
    parked,
    stopRequest,
  } = job;
  const worker = job.lease && { name: job.lease.worker, host: job.lease.host };
  return {
    id,
    source,
    name,
    status,
    crawler_status: crawlerStatus,
    retry_count: retryCount,
    output_dir: outputDir,
    attempts,
    last_error: lastError,
    started_at_ms: job.startedAtMs,
    infra_error_until_ms: job.infraRetry?.atMs ?? null,
    parked,
    stop_request: stopRequest,
    worker,
    pages: job.progress?.pages ?? null,
  };
}
