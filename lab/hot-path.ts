/** Hot paths of a host: binds of the storage box's base, and mounts with a unit of their own. */
import { BASE, type StorageBox } from './storage-box.ts';
import type { Host } from './host.ts';
import { probe } from './probe.ts';
import { waitFor } from './wait-for.ts';

export const JOBS_ROOT = '/srv/healtharchive/jobs';
export const COLD_ROOT = `${BASE}/jobs`;

const MOUNT_TIMEOUT_MS = 10_000;

/** Binds the cold path of `name` (made where it is missing) on its hot path, privately. Returns the hot path. */
export async function bindHotPath(host: Host, name: string): Promise<string> {
  const hot = `${JOBS_ROOT}/${name}`;
  const cold = `${COLD_ROOT}/${name}`;
  await host.runOk(['install', '-d', '-o', 'healtharchive', '-g', 'healtharchive', hot]);
  await host.runOk(['mkdir', '-p', '--', cold]);
  await host.runOk(['mount', '--bind', '--', cold, hot]);
  await host.runOk(['mount', '--make-private', '--', hot]);
  return hot;
}

/** Mounts a part of the box directly on the hot path of `name`, by a service of its own. Returns path and unit. */
export async function sshfsHotPath(box: StorageBox, name: string): Promise<{ path: string; unit: string }> {
  const { host } = box;
  const path = `${JOBS_ROOT}/${name}`;
  const unit = `hot-${name.replaceAll('/', '-')}.service`;
  await host.runOk(['install', '-d', '-o', 'healtharchive', '-g', 'healtharchive', path]);
  await box.server.runOk(['mkdir', '-p', `/home/storage/files/direct/${name}`], { user: 'storage' });
  await host.installUnit(
    unit,
    `[Unit]
StartLimitIntervalSec=0
[Service]
Type=exec
ExecStartPre=-/bin/umount -c --lazy ${path}
ExecStart=/usr/bin/sshfs -f ${box.source}/direct/${name} ${path} -o ${box.sshfsOptions}
ExecStop=-/bin/umount -c --lazy ${path}
Restart=no
`,
  );
  await host.runOk(['systemctl', 'start', unit]);
  await waitFor(`the mount on ${path}`, () => host.mountsOn(path).length === 1, MOUNT_TIMEOUT_MS);
  await waitFor(
    `${path} to answer`,
    async () => (await probe(host, 'lookup', path)) === 'ENOENT',
    MOUNT_TIMEOUT_MS,
  );
  await host.runOk(['mount', '--make-private', '--', path]);
  return { path, unit };
}
