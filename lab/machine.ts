/**
 * One disposable machine: pid, mount, uts, ipc, network, cgroup and time namespaces of its own over a root of its own.
 * A host (systemd) and a storage box (sshd) are both such machines; they differ in what their first process is.
 *
 *     this process ── keeper (lab/inside/keeper.sh: disk, network, cgroup; outlives a reboot)
 *                  └─ unshare ── first process (lab/inside/new-root.sh, then the machine's init) ── everything inside
 *
 * Nothing outlives this process, however it ends: unshare gets SIGKILL from the kernel with it (PDEATHSIG) and takes
 * its first process along (--kill-child), with which the kernel ends all others; the keeper sees the end of its input,
 * empties the cgroup and goes, and the mount and network namespaces go with it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { collect, runCommand, describeFailure, type RunResult } from './command.ts';
import {
  insideCommand,
  startInside,
  type InsideOptions,
  type RunningCommand,
  type StartOptions,
} from './inside.ts';
import { parseMountInfo, type MountEntry } from './mount-info.ts';
import { processesOf, type LabProcess } from './processes.ts';
import { waitFor } from './wait-for.ts';

export interface MachineOptions {
  readonly name: string;
  /** What the first process becomes, by its path inside. */
  readonly init: readonly string[];
  /** Size of the machine's own disk: all it may write outside of /run, /tmp and mounts. */
  readonly diskBytes: number;
  /** A folder that is laid over the machine's root, as if its files were on the machine's disk too. */
  readonly layer?: string | undefined;
}

const checkout = dirname(import.meta.dirname);
const START_TIMEOUT_MS = 6000;
const END_TIMEOUT_MS = 10_000;

export class Machine {
  readonly name: string;
  readonly #id = randomBytes(4).toString('hex');
  readonly #init: readonly string[];
  readonly #diskBytes: number;
  readonly #layer: string;
  readonly #started = new Set<RunningCommand>();
  #keeper: ChildProcess | undefined;
  #unshare: ChildProcess | undefined;
  #initPid = 0;
  #console: () => string = () => '';

  constructor(options: MachineOptions) {
    this.name = options.name;
    this.#init = options.init;
    this.#diskBytes = options.diskBytes;
    this.#layer = options.layer ?? '';
  }

  /** Boots it and waits until it is ready; a machine that does not get there is closed again. */
  async powerOn(): Promise<this> {
    try {
      await this.#startKeeper();
      await this.#boot();
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** The first process's id as seen from outside; for `nsenter` and `/proc`. */
  get initPid(): number {
    return this.#initPid;
  }

  /** The keeper's id: its network namespace is that of the machine, also while that reboots. */
  get keeperPid(): number {
    return this.#keeper?.pid ?? 0;
  }

  /** What the first process has written to its standard output and error since its boot. */
  get console(): string {
    return this.#console();
  }

  /** Runs an argument list, or a string by `sh -c`, inside. Bounded; never throws for a bad exit status. */
  async run(command: readonly string[] | string, options: InsideOptions = {}): Promise<RunResult> {
    return await runCommand(insideCommand(this.#initPid, command, options), options);
  }

  /** Like `run`, and throws an error that shows command and output when the status is not 0. Returns stdout. */
  async runOk(command: readonly string[] | string, options: InsideOptions = {}): Promise<string> {
    const result = await this.run(command, options);
    if (result.status === 0) return result.stdout;
    throw new Error(describeFailure([this.name + ':', ...[command].flat()], result));
  }

  /** Starts something that goes on; it ends with the machine at the latest. */
  start(command: readonly string[] | string, options: StartOptions = {}): RunningCommand {
    const running = startInside(this.#initPid, command, options);
    this.#started.add(running);
    void running.ended.then(() => this.#started.delete(running));
    return running;
  }

  processes(): LabProcess[] {
    return processesOf(this.#initPid);
  }

  mountInfo(): MountEntry[] {
    return parseMountInfo(readFileSync(`/proc/${this.#initPid}/mountinfo`, 'utf8'));
  }

  /** All mounts on `path`, the topmost last. */
  mountsOn(path: string): MountEntry[] {
    return this.mountInfo().filter((entry) => entry.path === path);
  }

  /** Written by a child process inside, because the path may lie on dead storage. Mode and owner are the user's defaults. */
  async writeFile(path: string, content: string | Buffer, options: InsideOptions = {}): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")" && cat >"$1"';
    await this.runOk(['sh', '-c', script, 'sh', path], { ...options, input: content });
  }

  async readFile(path: string, options: InsideOptions = {}): Promise<string> {
    return await this.runOk(['cat', '--', path], options);
  }

  /** Whether a name is there, a dangling link included. On dead storage the answer is "no" (storage-facts F1). */
  async exists(path: string): Promise<boolean> {
    const { status } = await this.run(['sh', '-c', '[ -e "$1" ] || [ -L "$1" ]', 'sh', path]);
    return status === 0;
  }

  /** Pulls the plug and boots again. What was written to the disk is still there; /run, /tmp and all mounts are not. */
  async reboot(): Promise<void> {
    await this.#pullThePlug();
    await this.#boot();
  }

  /** Ends everything at once and verifies that nothing is left: throws when something is. */
  async close(): Promise<void> {
    try {
      await this.#pullThePlug();
    } finally {
      await this.#endKeeper();
    }
  }

  /** What must hold before a boot counts as done. Bounded. */
  protected async untilReady(): Promise<void> {
    // nothing by default
  }

  /** `path` as this process reaches it; for files on the machine's own disk only, never for mounted storage. */
  fromOutside(path: string): string {
    return `/proc/${this.#initPid}/root${path}`;
  }

  async #startKeeper(): Promise<void> {
    const script = join(import.meta.dirname, 'inside/keeper.sh');
    const namespaces = ['--mount', '--net', '--propagation', 'private'];
    const keeper = spawn('unshare', [...namespaces, 'sh', script, this.#id, String(this.#diskBytes)], {
      detached: true, // a Ctrl-C at the terminal must not reach it: it has to clean up
      cwd: '/',
    });
    this.#keeper = keeper;
    const said = collect(keeper.stdout);
    const complained = collect(keeper.stderr);
    await waitFor(
      `the keeper of ${this.name}`,
      () => {
        if (hasEnded(keeper)) throw new Error(complained());
        return said().includes('ready');
      },
      START_TIMEOUT_MS,
    );
    letGo(keeper);
  }

  async #endKeeper(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    this.#keeper = undefined;
    keeper.stdin?.end();
    await waitFor(`the keeper of ${this.name} to go`, () => hasEnded(keeper), END_TIMEOUT_MS);
    if (keeper.exitCode !== 0) {
      throw new Error(`the keeper of ${this.name} ended with ${keeper.exitCode}: its cgroup may be left`);
    }
  }

  async #boot(): Promise<void> {
    const script = (name: string): string => join(import.meta.dirname, 'inside', name);
    const uptimeSeconds = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]));
    // prettier-ignore
    this.#unshare = spawn('setpriv', [
      '--pdeathsig', 'KILL', 'nsenter', '--target', String(this.keeperPid), '--mount', '--net',
      'unshare', '--pid', '--fork', '--kill-child', '--mount', '--uts', '--ipc',
      // The boot clock starts anew, as on real hardware: OnBootSec= and leases judged by it depend on that.
      '--time', `--boottime=-${uptimeSeconds}`, `--monotonic=-${uptimeSeconds}`,
      'sh', '-c', 'echo 0 >/mnt/group/cgroup.procs && exec unshare --cgroup sh "$@"', 'sh',
      script('new-root.sh'), this.#id, checkout, this.name, ...this.#init,
    ], { detached: true, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LAB_LAYER: this.#layer } });
    const unshare = this.#unshare;
    const stdout = collect(unshare.stdout);
    const stderr = collect(unshare.stderr);
    this.#console = () => stdout() + stderr();
    letGo(unshare);
    await waitFor(
      `the root of ${this.name}`,
      () => {
        if (hasEnded(unshare)) throw new Error(`ended with ${unshare.exitCode}: ${this.console}`);
        this.#initPid = onlyChildOf(unshare.pid ?? 0);
        return existsSync(this.fromOutside(`/run/lab-root-${this.#id}`));
      },
      START_TIMEOUT_MS,
    );
    await this.untilReady();
  }

  async #pullThePlug(): Promise<void> {
    const unshare = this.#unshare;
    if (unshare === undefined) return;
    // The first process goes first, so that unshare itself collects it at once; killed before its child, unshare
    // (which ignores TERM) would leave that to the first process of the machine outside, which takes its time.
    if (!hasEnded(unshare)) killNow(this.#initPid === 0 ? unshare.pid : this.#initPid);
    // A command that somebody froze has frozen its nsenter too, which must go before its child can be collected.
    for (const running of this.#started) running.kill('SIGKILL');
    // The kernel lets a first process go only when all others of its namespace are gone.
    await waitFor(`the end of all processes of ${this.name}`, () => hasEnded(unshare), END_TIMEOUT_MS);
    this.#initPid = 0;
    this.#unshare = undefined;
  }
}

function onlyChildOf(pid: number): number {
  const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  if (!/^\d+$/.test(child)) throw new Error(`process ${pid} has the children '${child}', expected one`);
  return Number(child);
}

function killNow(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch {
    // gone meanwhile
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** A machine that somebody forgot to close must not keep this process alive. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) {
    if (stream instanceof Socket) stream.unref();
  }
}
