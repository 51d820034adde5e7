/** A storage box for a host: a server of its own, a cable to it, and the base mount as a systemd service of the host. */
import { BoxServer, SERVED_FOLDER, SFTP_PORT, SFTP_USER } from './box-server.ts';
import { shippedExample, valueOf, withOptions, withValues } from './example-settings.ts';
import type { Host } from './host.ts';
import { shippedUnit } from './installation.ts';
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

/** What the unit of the base is told, inside; and its example, as users get it. */
export const SETTINGS = '/etc/healtharchive/storagebox.env';
const EXAMPLE = 'storagebox.env.example';

const DEFAULT_SIZE_BYTES = 64 * 1024 ** 2;
/** As in the example; less where a test is less patient with a server that stands. */
const CONNECT_TIMEOUT_SECONDS = 10;
const KEY = '/etc/healtharchive/storagebox_key';
const KNOWN_HOSTS = '/etc/healtharchive/storagebox_known_hosts';
/** Longer than an attempt of the unit to start, so that an attempt that fails shows. */
const MOUNT_TIMEOUT_MS = 30_000;
/** The box's host name. */
export const BOX_NAME = 'storagebox';

export async function storageBox(host: Host, options: StorageBoxOptions = {}): Promise<StorageBox> {
  await host.runOk(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', KEY]);
  const publicKey = (await host.readFile(`${KEY}.pub`)).trim();
  const server = new BoxServer(`${host.name}-box`, options.sizeBytes ?? DEFAULT_SIZE_BYTES, publicKey);
  await server.powerOn();
  await connect(
    { machine: host, interface: 'box', address: '10.77.0.1/24' },
    { machine: server, interface: 'host', address: '10.77.0.2/24' },
  );
  await host.runOk(`echo '10.77.0.2 ${BOX_NAME}' >>/etc/hosts`);
  await host.writeFile(KNOWN_HOSTS, `[${BOX_NAME}]:${SFTP_PORT} ${await server.hostKey()}\n`);

  const source = `${SFTP_USER}@${BOX_NAME}:${SERVED_FOLDER}`;
  const sshfsOptions = await productionOptions(host, options);
  await host.writeFile(
    SETTINGS,
    withValues(shippedExample(EXAMPLE), {
      STORAGEBOX_SOURCE: source,
      STORAGEBOX_MOUNT: BASE,
      STORAGEBOX_OPTIONS: sshfsOptions,
    }),
  );
  await host.installUnit(BASE_UNIT, shippedUnit(BASE_UNIT));
  // As on a server: a unit that is disabled and down is one that an operator wants down.
  await host.runOk(['systemctl', 'enable', '--quiet', BASE_UNIT]);
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

/** The options of the example; only what is this box's own differs. */
async function productionOptions(host: Host, options: StorageBoxOptions): Promise<string> {
  const seconds = options.serverAliveSeconds ?? 15;
  const count = options.serverAliveCount ?? 3;
  return withOptions(valueOf(shippedExample(EXAMPLE), 'STORAGEBOX_OPTIONS'), ',', {
    ServerAliveInterval: String(seconds),
    ServerAliveCountMax: String(count),
    ConnectTimeout: String(Math.min(CONNECT_TIMEOUT_SECONDS, seconds * count)),
    ...(await ownerOptions(host)),
    port: String(SFTP_PORT),
    IdentityFile: KEY,
    UserKnownHostsFile: KNOWN_HOSTS,
  });
}

/** The worker's user, as whose files everything in the box shows. */
export async function ownerOptions(host: Host): Promise<{ uid: string; gid: string }> {
  const [uid = '', gid = ''] = (await host.runOk('id -u healtharchive; id -g healtharchive')).split('\n');
  return { uid, gid };
}
