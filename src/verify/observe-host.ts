import { lstatSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { parentOf } from '../core/install/layout.ts';
import type { HostFacts, SeenAccess } from '../core/verify/host-checks.ts';
import { deployLockState } from '../effects/automation-gates.ts';
import { runCommand } from '../effects/command.ts';
import { readMountTable } from '../effects/read-mounts.ts';
import { freeSpace } from '../effects/storage-access.ts';
import { stuckProbesFolder } from '../hot-paths/observe-configured.ts';
import { sqliteFileOf } from '../install/run-install.ts';

const deadlineMs = 4000;
const shownAtMost = 5;

/** Local disks, locks, state files, the clock. */
export async function observeHost(configuration: Configuration, user: string): Promise<HostFacts> {
  const { paths, worker } = configuration;
  const database = sqliteFileOf(configuration);
  const [disks, deployLock, isSynchronised, access] = await Promise.all([
    disksOf(configuration, [
      paths.jobs_root,
      paths.state_dir,
      ...(database === null ? [] : [parentOf(database)]),
    ]),
    deployLockState(paths.deploy_lock),
    clockIsKept(),
    accessOf(user, paths.state_dir, database),
  ]);
  return {
    nowMs: Date.now(),
    disks,
    minFreePercent: worker.min_free_percent,
    deployLock,
    deployLockPath: paths.deploy_lock,
    deployLockAgeMs: ageOf(paths.deploy_lock),
    access,
    oddFiles: oddIn(join(paths.state_dir, 'locks')),
    isSynchronised,
    latestStampMs: latestOf([
      ...(database === null ? [] : [database, `${database}-wal`]),
      ...(paths.textfile_dir === '' ? [] : [join(paths.textfile_dir, 'healtharchive.prom')]),
      ...namesIn(join(paths.state_dir, 'watchdog')),
    ]),
  };
}

/** One for each disk. */
async function disksOf(configuration: Configuration, places: readonly string[]): Promise<HostFacts['disks']> {
  const mounts = readMountTable();
  const byDevice = new Map<string, string>();
  for (const path of places) {
    const device = mounts.covering(path)?.device ?? path;
    if (!byDevice.has(device)) byDevice.set(device, path);
  }
  const options = { timeoutMs: deadlineMs, stuckDir: stuckProbesFolder(configuration) };
  const answers = await Promise.all(
    [...byDevice.values()].map(async (path) => {
      const answer = await freeSpace(path, options);
      return answer.kind === 'free' && answer.space !== null
        ? [{ path, freePercent: answer.space.percent }]
        : [];
    }),
  );
  return answers.flat();
}

/**
 * By timedatectl(1), which asks the kernel (adjtimex(2)); null where it can't be asked, and in a container, whose clock is its host's
 * (/run/systemd/container, systemd-detect-virt(1)).
 */
async function clockIsKept(): Promise<boolean | null> {
  if (statsOf('/run/systemd/container') !== undefined) return null;
  const result = await runCommand(['timedatectl', 'show', '--property=NTPSynchronized', '--value'], {
    deadlineMs,
  });
  if (result.kind !== 'exited' || result.code !== 0) return null;
  return result.stdout.trim() === 'yes';
}

/** Whether the worker's user can use what lies in the state folder, and the database: asked as that user, which root alone can. */
async function accessOf(user: string, stateDir: string, database: string | null): Promise<SeenAccess[]> {
  if (process.geteuid?.() !== 0) return [];
  const asUser = ['runuser', '-u', user, '--'] as const;
  // What watches over hung storage has a folder for each user, closed to others.
  const ours = ['-name', 'probes-*', '-prune', '-o'] as const;
  const unusable = [
    '(',
    '-type',
    'd',
    '!',
    '-writable',
    '-o',
    '-type',
    'f',
    '!',
    '-readable',
    ')',
    '-print',
  ] as const;
  const [found, isWritable] = await Promise.all([
    runCommand([...asUser, 'find', stateDir, '-xdev', '-maxdepth', '2', ...ours, ...unusable], {
      deadlineMs,
    }),
    database === null ? null : runCommand([...asUser, 'test', '-w', database], { deadlineMs }),
  ]);
  const access: SeenAccess[] = [];
  if (found.kind === 'exited')
    for (const path of found.stdout
      .split('\n')
      .filter((line) => line !== '')
      .slice(0, shownAtMost))
      access.push({ path, user, needs: isFolder(path) ? 'write' : 'read', isAllowed: false });
  // Where it is missing, the database itself says so.
  if (
    database !== null &&
    isWritable?.kind === 'exited' &&
    isWritable.code === 1 &&
    statsOf(database) !== undefined
  )
    access.push({ path: database, user, needs: 'write', isAllowed: false });
  return access;
}

const statsOf = (path: string) => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};
const isFolder = (path: string): boolean => statsOf(path)?.isDirectory() === true;

function ageOf(path: string): number | null {
  const stats = statsOf(path);
  return stats === undefined ? null : Date.now() - stats.mtimeMs;
}

/** Full names; none where the folder can't be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

const oddIn = (folder: string): string[] =>
  namesIn(folder).filter((path) => {
    const stats = statsOf(path);
    const isProbes = stats?.isDirectory() === true && basename(path).startsWith('probes-');
    return stats !== undefined && !stats.isFile() && !isProbes;
  });

function latestOf(paths: readonly string[]): number | null {
  const stamps = paths.flatMap((path) => statsOf(path)?.mtimeMs ?? []);
  return stamps.length === 0 ? null : Math.max(...stamps);
}
