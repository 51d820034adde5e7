/** The far side of a storage box: a machine of its own with a real sshd that serves a folder of limited size by SFTP. */
import { existsSync } from 'node:fs';
import { Machine } from './machine.ts';
import { signalIfAlive, type LabProcess } from './processes.ts';
import { waitFor } from './wait-for.ts';

/** What the box serves, by its path inside the box; the SFTP user owns it. */
export const SERVED_FOLDER = '/home/storage/files';
export const SFTP_USER = 'storage';
export const SFTP_PORT = 23;

const LOG = '/var/log/lab-sshd.log';
const READY_TIMEOUT_MS = 6000;
/** Log files and the like: the storage itself has its own size. */
const DISK_BYTES = 256 * 1024 ** 2;

export class BoxServer extends Machine {
  constructor(name: string, sizeBytes: number, publicKey: string) {
    const script = '/opt/healtharchive/lab/inside/box-init.sh';
    super({ name, diskBytes: DISK_BYTES, init: ['sh', script, String(sizeBytes), publicKey] });
  }

  /** sshd's listener and its sessions. */
  sshdProcesses(): LabProcess[] {
    return this.processes().filter(({ argv }) => /(^|\/)sshd\b/.test(argv[0] ?? ''));
  }

  async startSshd(): Promise<void> {
    if (this.sshdProcesses().length > 0) return;
    // As a daemon, so that it is a child of the box itself: frozen as a child of nsenter it would freeze that too.
    await this.runOk(['/usr/sbin/sshd', '-E', LOG, '-f', '/etc/lab-sshd/config']);
    const listens = `ss --listening --tcp --no-header '( sport = :${SFTP_PORT} )' | grep -q .`;
    await waitFor(
      `sshd of ${this.name}`,
      async () => (await this.run(listens)).status === 0,
      READY_TIMEOUT_MS,
    );
  }

  /** Ends the listener and every session: clients see their connections closed, new ones are refused. */
  async stopSshd(): Promise<void> {
    for (const { pid } of this.sshdProcesses()) signalIfAlive(pid, 'SIGKILL');
    await waitFor(
      `the end of sshd of ${this.name}`,
      () => this.sshdProcesses().length === 0,
      READY_TIMEOUT_MS,
    );
  }

  async log(): Promise<string> {
    return await this.readFile(LOG);
  }

  async hostKey(): Promise<string> {
    return (await this.readFile('/etc/lab-sshd/host_key.pub')).trim();
  }

  protected override async untilReady(): Promise<void> {
    const ready = this.fromOutside('/run/box-ready');
    await waitFor(`the box ${this.name}`, () => existsSync(ready), READY_TIMEOUT_MS);
    await this.startSshd();
  }
}
