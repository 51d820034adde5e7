/** Faults of HealthArchive's own parts on a host: its services, locks, state and metrics. */
import type { Host } from '../host.ts';
import { waitFor } from '../wait-for.ts';

export const DEPLOY_LOCK = '/run/healtharchive/deploy.lock';
export const METRICS_FOLDER = '/var/lib/node_exporter/textfile_collector';

const TIMEOUT_MS = 3000;

/** Ends the main process of a unit at once, as the kernel's out-of-memory killer does. */
export async function killUnit(host: Host, unit: string): Promise<void> {
  const pid = await host.unitProperty(unit, 'MainPID');
  if (pid === '0') throw new Error(`${unit} has no main process`);
  await host.runOk(['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', '--', unit]);
  await waitFor(
    `${unit} to lose its process ${pid}`,
    async () => (await host.unitProperty(unit, 'MainPID')) !== pid,
    TIMEOUT_MS,
  );
}

export interface HeldLock {
  release(): Promise<void>;
}

/** Holds a lock file by flock(2), as a running deploy does. */
export async function holdLock(host: Host, path = DEPLOY_LOCK): Promise<HeldLock> {
  await host.runOk(['sh', '-c', 'mkdir -p "$(dirname "$1")"', 'sh', path]);
  const holder = host.start(['flock', '--', path, 'sleep', 'infinity']);
  await waitFor(`${path} to be held`, () => isHeld(host, path), TIMEOUT_MS);
  return {
    release: async () => {
      holder.kill('SIGKILL');
      await waitFor(`${path} to be free`, async () => !(await isHeld(host, path)), TIMEOUT_MS);
    },
  };
}

export async function isHeld(host: Host, path: string): Promise<boolean> {
  const { status } = await host.run(['flock', '--nonblock', '--conflict-exit-code', '9', '--', path, 'true']);
  return status === 9;
}

/** A lock file that nobody holds, `ageDays` old: once it suppressed every repair for nine days. */
export async function leaveStaleLock(host: Host, path = DEPLOY_LOCK, ageDays = 9): Promise<void> {
  await host.runOk(['sh', '-c', 'mkdir -p "$(dirname "$1")"', 'sh', path]);
  await host.runOk(['touch', '--date', `${ageDays} days ago`, '--', path]);
}

/** Cuts a file in the middle and adds what a disk leaves there after a power loss: zeros. */
export async function corruptFile(host: Host, path: string): Promise<void> {
  const script = 'size=$(stat -c %s "$1") && truncate -s $((size / 2)) "$1" && head -c 64 /dev/zero >>"$1"';
  await host.runOk(['sh', '-c', script, 'sh', path]);
}

/** Nobody, not even root, can write into `folder`. */
export async function makeUnwritable(host: Host, folder = METRICS_FOLDER): Promise<void> {
  await host.runOk(['mount', '--bind', '--', folder, folder]);
  await host.runOk(['mount', '-o', 'remount,bind,ro', folder]);
  const { status } = await host.run(['touch', `${folder}/.lab-unwritable`]);
  if (status === 0) throw new Error(`${folder} can still be written to`);
}

export async function makeWritable(host: Host, folder = METRICS_FOLDER): Promise<void> {
  await host.runOk(['umount', '--', folder]);
}
