import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMountinfo } from '../../src/core/storage/mountinfo.ts';
import { runCommand } from '../../src/effects/command.ts';

const waitMs = 10_000;

/**
 * A storage box of the test's own: a folder on a small tmpfs, served by a real sshd on a port of the loopback,
 * mounted by a real sshfs. As an ordinary user in a user namespace sshd can't serve; there sshfs talks to a real
 * sftp-server through a pipe. Everything is ended by the ids that were started here; the mounts end with the
 * namespace too.
 */
export class StorageBox {
  readonly folder: string;
  /** The served folder, on the server's side. */
  readonly served: string;
  readonly #sshfs = new Set<ChildProcess>();
  #sshd: ChildProcess | undefined;
  #port = 0;
  /** True where sshfs talks to its server through a pipe: no sshd, nothing to reconnect to. */
  readonly isPiped = isUserNamespace();

  private constructor(folder: string) {
    this.folder = folder;
    this.served = join(folder, 'served');
  }

  static async start(options: { readonly sizeKiB?: number } = {}): Promise<StorageBox> {
    const box = new StorageBox(mkdtempSync(join(tmpdir(), 'healtharchive-box-')));
    chmodSync(box.folder, 0o755);
    box.makeFolders('served', 'run');
    await run('mount', '-t', 'tmpfs', '-o', `size=${options.sizeKiB ?? 4096}k`, 'box', box.served);
    // Only real root may; without it the number of unanswered requests is unknown.
    await runCommand(['mount', '-t', 'fusectl', 'fusectl', '/sys/fs/fuse/connections'], {
      deadlineMs: waitMs,
    });
    for (const key of ['host_key', 'user_key']) {
      await run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(box.folder, key));
    }
    writeFileSync(
      join(box.folder, 'sftp'),
      '#!/bin/sh\nfor s in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh; do [ -x $s/sftp-server ] && exec $s/sftp-server -d "${0%/*}"; done\n',
      { mode: 0o755 },
    );
    await box.startServer();
    return box;
  }

  makeFolders(...names: readonly string[]): void {
    for (const name of names) mkdirSync(join(this.folder, name), { recursive: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async startServer(): Promise<void> {
    if (this.isPiped) return;
    this.#port ||= 20_000 + Math.floor(Math.random() * 10_000);
    mkdirSync('/run/sshd', { recursive: true });
    writeFileSync(
      this.path('sshd_config'),
      [
        `Port ${this.#port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${this.path('host_key')}`,
        `AuthorizedKeysFile ${this.path('user_key.pub')}`,
        'UsePAM no',
        'StrictModes no',
        'PermitRootLogin yes',
        'PidFile none',
        'MaxStartups 100',
        'Subsystem sftp internal-sftp',
      ].join('\n'),
    );
    this.#sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', this.path('sshd_config')], { stdio: 'ignore' });
    await until('sshd listens', () => canConnect(this.#port));
  }

  /** Ends sshd and all its sessions. */
  stopServer(): void {
    for (const pid of this.#serverPids()) signal(pid, 'SIGKILL');
    this.#sshd = undefined;
  }

  /** The server takes requests and does not answer them. */
  freezeServer(): void {
    for (const pid of this.#serverPids()) signal(pid, 'SIGSTOP');
  }

  thawServer(): void {
    for (const pid of this.#serverPids()) signal(pid, 'SIGCONT');
  }

  #serverPids(): number[] {
    if (this.isPiped) return processesNaming('sftp-server', this.folder);
    return this.#sshd?.pid === undefined ? [] : [this.#sshd.pid, ...descendantsOf(this.#sshd.pid)];
  }

  /** Mounts the served folder with the options of the product's base unit. Waits until it is mounted. */
  async mount(name: string, extraOptions: readonly string[] = []): Promise<ChildProcess> {
    this.makeFolders(name);
    const mountPoint = this.path(name);
    const before = countMountsAt(mountPoint);
    const options = ['reconnect', 'ServerAliveInterval=4', 'ServerAliveCountMax=3', ...extraOptions];
    if (!this.isPiped) {
      options.push(
        `port=${this.#port}`,
        `IdentityFile=${this.path('user_key')}`,
        'StrictHostKeyChecking=no',
        'UserKnownHostsFile=/dev/null',
      );
    } else {
      options.push(`ssh_command=${this.path('sftp')}`);
    }
    const source = `root@127.0.0.1:${this.served}`;
    const child = spawn('sshfs', ['-f', '-o', options.join(','), source, mountPoint], {
      stdio: 'ignore',
      cwd: '/',
    });
    this.#sshfs.add(child);
    child.once('exit', () => this.#sshfs.delete(child));
    await until(`sshfs is mounted at ${name}`, () => countMountsAt(mountPoint) > before);
    return child;
  }

  async bind(from: string, to: string): Promise<void> {
    await run('mount', '--bind', this.path(from), this.path(to));
  }

  async unmount(name: string, ...options: readonly string[]): Promise<void> {
    await run('umount', '-c', ...options, this.path(name));
  }

  async end(): Promise<void> {
    this.thawServer();
    const sshfs = [...this.#sshfs];
    for (const { pid } of sshfs) {
      signal(pid, 'SIGCONT');
      signal(pid, 'SIGKILL');
    }
    this.stopServer();
    await until('sshfs has ended', () => this.#sshfs.size === 0);
    for (const { mountPoint } of mountsBelow(this.folder).reverse())
      await run('umount', '-l', '-c', mountPoint);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ends a process and waits until it is gone. */
export async function killAndWait(child: ChildProcess): Promise<void> {
  signal(child.pid, 'SIGKILL');
  await until('the process has ended', () => child.exitCode !== null || child.signalCode !== null);
}

export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + waitMs;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`waited ${waitMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Bounded also where the program gets stuck on storage. */
async function run(...argv: [string, ...string[]]): Promise<void> {
  const result = await runCommand(argv, { deadlineMs: waitMs });
  if (result.kind !== 'exited' || result.code !== 0) {
    throw new Error(`${argv.join(' ')}: ${JSON.stringify(result)}`);
  }
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

/** Of this process namespace. sshfs detaches its transport, so it is no descendant of ours. */
function processesNaming(program: string, argument: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words[0]?.endsWith(program) === true && words.includes(argument);
      } catch {
        return false;
      }
    });
}

function descendantsOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return children
      .filter((text) => text !== '')
      .flatMap((text) => [Number(text), ...descendantsOf(Number(text))]);
  } catch {
    return [];
  }
}

function mountsBelow(folder: string) {
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  return mounts.filter((mount) => mount.mountPoint.startsWith(`${folder}/`));
}

function countMountsAt(path: string): number {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    (mount) => mount.mountPoint === path,
  ).length;
}

function isUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
