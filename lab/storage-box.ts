/** A storage box for a host: a server of its own, a cable to it, and the base mount as a systemd service of the host. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BoxServer, SERVED_FOLDER, SFTP_PORT, SFTP_USER } from './box-server.ts';
import type { Host } from './host.ts';
import { connect } from './network.ts';
import { probe } from './probe.ts';
import { waitFor } from './wait-for.ts';

export interface StorageBoxOptions {
  /** Default 64 MiB. */
  readonly sizeBytes?: number;
  /** ssh asks a silent server this often; after `serverAliveCount` unanswered questions it gives up. Default 15. */
  readonly serverAliveSeconds?: number;
  /** Default 3: with 15 s, a frozen server is given up after 45 s, as in production. */
  readonly serverAliveCount?: number;
  /** Whether to start the base mount at once. Default true. */
  readonly mounted?: boolean;
}

export interface StorageBox {
  readonly server: BoxServer;
  readonly host: Host;
  /** Where the base is mounted in the host, e.g. /srv/healtharchive/storagebox. */
  readonly base: string;
  /** The unit of the base. */
  readonly unit: string;
  /** sshfs's source of the served folder; add '/sub' for a part of it. */
  readonly source: string;
  /** sshfs's options as one argument of `-o`, for further mounts of the same box. */
  readonly sshfsOptions: string;
  close(): Promise<void>;
}

export const BASE = '/srv/healtharchive/storagebox';
export const BASE_UNIT = 'healtharchive-storagebox-sshfs.service';

const DEFAULT_SIZE_BYTES = 64 * 1024 ** 2;
const KEY = '/etc/healtharchive/storagebox_key';
const KNOWN_HOSTS = '/etc/healtharchive/storagebox_known_hosts';
const MOUNT_TIMEOUT_MS = 10_000;
const NAME = 'storagebox';

export async function storageBox(host: Host, options: StorageBoxOptions = {}): Promise<StorageBox> {
  await host.runOk(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', KEY]);
  const publicKey = (await host.readFile(`${KEY}.pub`)).trim();
  const server = new BoxServer(`${host.name}-box`, options.sizeBytes ?? DEFAULT_SIZE_BYTES, publicKey);
  await server.powerOn();
  await connect(
    { machine: host, interface: 'box', address: '10.77.0.1/24' },
    { machine: server, interface: 'host', address: '10.77.0.2/24' },
  );
  await host.runOk(`echo '10.77.0.2 ${NAME}' >>/etc/hosts`);
  await host.writeFile(KNOWN_HOSTS, `[${NAME}]:${SFTP_PORT} ${await server.hostKey()}\n`);

  const source = `${SFTP_USER}@${NAME}:${SERVED_FOLDER}`;
  const sshfsOptions = await productionOptions(host, options);
  const settings = { STORAGEBOX_SOURCE: source, STORAGEBOX_MOUNT: BASE, STORAGEBOX_OPTIONS: sshfsOptions };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await host.writeFile('/etc/healtharchive/storagebox.env', lines.join(''));
  await host.installUnit(BASE_UNIT, baseUnit());
  const close = (): Promise<void> => server.close();
  const box: StorageBox = { server, host, base: BASE, unit: BASE_UNIT, source, sshfsOptions, close };
  if (options.mounted ?? true) await mountBase(box);
  return box;
}

/** Starts the base mount's unit, and waits until it really is there. */
export async function mountBase({ host, base, unit }: StorageBox): Promise<void> {
  await host.runOk(['systemctl', 'start', unit], { timeoutMs: MOUNT_TIMEOUT_MS });
  await waitFor(
    `${base} to answer`,
    async () => (await probe(host, 'lookup', base)) === 'ENOENT',
    MOUNT_TIMEOUT_MS,
  );
  if (host.mountsOn(base).length !== 1) throw new Error(`${base} is not mounted once`);
}

/** The unit that users get, once there is one; until then the lab's own. */
function baseUnit(): string {
  const folders = [join(import.meta.dirname, '../ops/systemd'), join(import.meta.dirname, 'units')];
  const file = folders.map((folder) => join(folder, BASE_UNIT)).find((path) => existsSync(path));
  if (file === undefined) throw new Error(`no unit file ${BASE_UNIT}`);
  return readFileSync(file, 'utf8');
}

/** As in production. All files show as the worker's: SFTP knows no other users than the one that logged in. */
async function productionOptions(host: Host, options: StorageBoxOptions): Promise<string> {
  const user = await host.runOk(['sh', '-c', 'echo "uid=$(id -u healtharchive),gid=$(id -g healtharchive)"']);
  const seconds = options.serverAliveSeconds ?? 15;
  const count = options.serverAliveCount ?? 3;
  return [
    'reconnect',
    `ServerAliveInterval=${seconds}`,
    `ServerAliveCountMax=${count}`,
    // The keep-alive ends only a connection that stands. Without this the next request starts a new one, and hangs for
    // as long as a frozen server accepts connections without a word.
    `ConnectTimeout=${seconds * count}`,
    'allow_other',
    'default_permissions',
    user.trim(),
    `port=${SFTP_PORT}`,
    `IdentityFile=${KEY}`,
    `UserKnownHostsFile=${KNOWN_HOSTS}`,
    'BatchMode=yes',
  ].join(',');
}
