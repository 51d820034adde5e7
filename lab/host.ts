/** A private host with real systemd: everything of design and tests that needs mounts, units or faults runs in one. */
import { existsSync } from 'node:fs';
import type { RunResult } from './command.ts';
import { Machine } from './machine.ts';
import { waitFor } from './wait-for.ts';

export interface HostOptions {
  /** Host name. Default 'lab'. */
  readonly name?: string;
  /** Size of the host's local disk. Default 2 GiB; it takes memory only as it fills. */
  readonly diskBytes?: number;
  /** A folder that is laid over the machine's root, as if its files were on the machine's disk too. */
  readonly layer?: string;
}

const DEFAULT_DISK_BYTES = 2 * 1024 ** 3;
const BOOT_TIMEOUT_MS = 6000;
/** Where systemd looks for what an administrator installs. */
const UNIT_FOLDER = '/etc/systemd/system';

/** Boots a host; takes well under a second on two idle cores. Close it, or it goes with this process. */
export async function bootHost(options: HostOptions = {}): Promise<Host> {
  return await new Host(options).powerOn();
}

export class Host extends Machine {
  /** The command line as users have it, on PATH inside too. The checkout is read-only at /opt/healtharchive. */
  readonly project = '/opt/healtharchive/bin/healtharchive';
  #isReadyAtOnce = false;

  constructor({ name = 'lab', diskBytes = DEFAULT_DISK_BYTES, layer }: HostOptions) {
    super({ name, diskBytes, layer, init: ['sh', '/opt/healtharchive/lab/inside/host-init.sh'] });
  }

  async systemctl(...args: readonly string[]): Promise<RunResult> {
    return await this.run(['systemctl', ...args]);
  }

  /** ActiveState: active, activating, inactive, failed, ... */
  async activeState(unit: string): Promise<string> {
    return await this.unitProperty(unit, 'ActiveState');
  }

  async unitProperty(unit: string, property: string): Promise<string> {
    return (await this.runOk(['systemctl', 'show', '--value', `--property=${property}`, '--', unit])).trim();
  }

  /** The messages of one unit since this boot, oldest first, without time stamps. */
  async journal(unit: string): Promise<string> {
    await this.runOk(['journalctl', '--sync']);
    return await this.runOk(['journalctl', '--boot', '--no-pager', '--output=cat', `--unit=${unit}`]);
  }

  /** Writes a unit, or with a name like `x.service.d/name.conf` a drop-in, as an administrator would. */
  async installUnit(name: string, text: string): Promise<void> {
    await this.writeFile(`${UNIT_FOLDER}/${name}`, text);
    await this.runOk(['systemctl', 'daemon-reload']);
  }

  async removeUnit(name: string): Promise<void> {
    await this.runOk(['rm', '-f', '--', `${UNIT_FOLDER}/${name}`]);
    await this.runOk(['systemctl', 'daemon-reload']);
  }

  /** As `reboot`, but does not wait until everything is started: something may be in the way of that. */
  async rebootIntoTrouble(): Promise<void> {
    this.#isReadyAtOnce = true;
    try {
      await this.reboot();
    } finally {
      this.#isReadyAtOnce = false;
    }
  }

  protected override async untilReady(): Promise<void> {
    const socket = this.fromOutside('/run/systemd/private');
    await waitFor(`systemd in ${this.name}`, () => existsSync(socket), BOOT_TIMEOUT_MS);
    if (this.#isReadyAtOnce) return;
    const { stdout, stderr } = await this.run(['systemctl', 'is-system-running', '--wait'], {
      timeoutMs: BOOT_TIMEOUT_MS,
    });
    if (stdout.trim() === 'running') return;
    const { stdout: failed } = await this.systemctl('--failed', '--no-legend', '--plain');
    throw new Error(
      `${this.name} is '${stdout.trim()}' ${stderr}\nfailed units:\n${failed}\n${this.console}`,
    );
  }
}
