/**
 * A host with a storage box, as the kernel, sshfs and systemd make it behave: mounts, superblocks, units, crawls and clocks.
 * It knows what is true; recovery sees of it only what a look shows.
 */
import type { Lookup } from '../../src/core/storage/lookup.ts';
import type { Mount } from '../../src/core/storage/mountinfo.ts';
import { MountTable } from '../../src/core/storage/mount-table.ts';
import { insideOf } from '../../src/core/recovery/clear-place.ts';
import { isNetworkFileSystem } from '../../src/core/storage/network-file-system.ts';
import { joinBelow } from '../../src/core/storage/path-relation.ts';
import type { UnitState } from '../../src/core/units/unit-state.ts';

export const BASE = '/box';
export const JOBS = '/jobs';
export const BASE_UNIT = 'base.service';
const localDevice = '8:1';

export interface Superblock {
  isAlive: boolean;
  readonly servedBy: string;
}

export interface ModelUnit {
  readonly path: string;
  state: 'running' | 'busy' | 'stopped' | 'failed';
  isDisabled: boolean;
  /** `Restart=always`. */
  readonly restarts: boolean;
  nextTryBootMs: number;
  /** Its start or end is under way for as long as this lasts. */
  isSlow: boolean;
}

export interface ModelCrawl {
  readonly attempt: string;
  readonly jobId: number;
  readonly outputDir: string;
  /** The superblock that it really works on. */
  readonly device: string;
  /** Its launch spec says so. */
  readonly isDeviceKnown: boolean;
}

export class HostModel {
  mounts: Mount[] = [];
  readonly superblocks = new Map<string, Superblock>();
  readonly units = new Map<string, ModelUnit>();
  crawls: ModelCrawl[] = [];
  server: 'up' | 'down' | 'frozen' = 'up';
  bootMs = 1_000_000;
  wallMs = 1_700_000_000_000;

  constructor() {
    this.mounts.push({
      id: 20,
      parentId: 1,
      device: localDevice,
      root: '/',
      mountPoint: '/',
      options: ['rw'],
      fstype: 'ext4',
      source: '/dev/sda1',
      superOptions: ['rw'],
      isShared: false,
      deleted: false,
    });
  }

  get table(): MountTable {
    return new MountTable(this.mounts);
  }

  addUnit(name: string, path: string, restarts: boolean): void {
    this.units.set(name, {
      path,
      state: 'stopped',
      isDisabled: false,
      restarts,
      nextTryBootMs: 0,
      isSlow: false,
    });
    this.startUnit(name);
  }

  unitState(name: string): UnitState | null {
    const unit = this.units.get(name);
    if (unit === undefined) return null;
    const fileState = unit.isDisabled ? 'disabled' : 'enabled';
    const common = { unit: name, load: 'loaded', fileState, invocationId: 'one', restarts: 0 };
    switch (unit.state) {
      case 'running':
        return { ...common, active: 'active', sub: 'running' };
      case 'busy':
        return { ...common, active: 'activating', sub: unit.isSlow ? 'start-post' : 'auto-restart' };
      case 'stopped':
        return { ...common, active: 'inactive', sub: 'dead' };
      case 'failed':
        return { ...common, active: 'failed', sub: 'failed' };
    }
  }

  /** The base's unit takes FUSE layers off before (ExecStartPre=); another one's sshfs refuses a dead mount point. */
  startUnit(name: string): void {
    const unit = this.units.get(name);
    if (unit === undefined || unit.state === 'running') return;
    const top = this.table.topmostAt(unit.path);
    if (name === BASE_UNIT) {
      while (this.table.topmostAt(unit.path)?.fstype === 'fuse.sshfs') this.unmountTop(unit.path);
    } else if (top !== undefined && this.superblocks.get(top.device)?.isAlive === false) {
      this.#startFailed(unit);
      return;
    }
    if (this.server !== 'up' || this.isBlocked(unit.path)) {
      this.#startFailed(unit);
      return;
    }
    const device = this.#freeDevice();
    this.superblocks.set(device, { isAlive: true, servedBy: name });
    this.mount(unit.path, { device, root: '/', fstype: 'fuse.sshfs', source: `${name}:` });
    unit.state = 'running';
  }

  #startFailed(unit: ModelUnit): void {
    unit.state = unit.restarts ? 'busy' : 'failed';
    unit.nextTryBootMs = this.bootMs + 1000;
  }

  /** What its processes serve dies; sshfs takes itself off its own mount point. */
  stopUnit(name: string): void {
    const unit = this.units.get(name);
    if (unit === undefined) return;
    this.#endProcesses(name);
    const top = this.table.topmostAt(unit.path);
    if (top !== undefined && this.superblocks.get(top.device)?.servedBy === name) this.unmountTop(unit.path);
    unit.state = 'stopped';
  }

  killSshfs(name: string): void {
    const unit = this.units.get(name);
    if (unit?.state !== 'running') return;
    this.#endProcesses(name);
    this.#startFailed(unit);
  }

  #endProcesses(name: string): void {
    for (const superblock of this.superblocks.values()) {
      if (superblock.servedBy === name) superblock.isAlive = false;
    }
  }

  /** The FUSE connection is aborted: whoever waits is freed, sshfs ends and unmounts itself. */
  abort(device: string): void {
    const superblock = this.superblocks.get(device);
    if (superblock === undefined) return;
    superblock.isAlive = false;
    const unit = this.units.get(superblock.servedBy);
    if (unit?.state !== 'running') return;
    if (this.table.topmostAt(unit.path)?.device === device) this.unmountTop(unit.path);
    this.#startFailed(unit);
  }

  mount(path: string, like: Pick<Mount, 'device' | 'root' | 'fstype' | 'source'>): void {
    this.mounts.push({
      ...like,
      id: this.#freeId(),
      parentId: this.table.covering(path)?.id ?? 20,
      mountPoint: path,
      options: ['rw', 'nosuid', 'nodev'],
      superOptions: ['rw'],
      isShared: false,
      deleted: false,
    });
  }

  bind(from: string, to: string): void {
    const source = this.table.covering(from);
    if (source === undefined) return;
    const root = joinBelow(
      source.root,
      from === source.mountPoint ? '' : from.slice(source.mountPoint.length).replace(/^\//, ''),
    );
    this.mount(to, { device: source.device, root, fstype: source.fstype, source: source.source });
  }

  /** Lazily: what is mounted inside goes along. */
  unmountTop(path: string): void {
    const table = this.table;
    const top = table.topmostAt(path);
    if (top === undefined || top.mountPoint === '/') return;
    const gone = new Set([top, ...insideOf([top], table)]);
    this.mounts = this.mounts.filter((mount) => !gone.has(mount));
  }

  /** The lookup of a random name, asked from the outermost mount inwards, so that it goes through nothing dead. */
  lookUp(path: string): Lookup {
    const failing = this.#failingOnTheWay(path);
    if (failing === null) return { kind: 'answered', path: 'directory' };
    const { mount, lookup } = failing;
    if (mount.mountPoint === path) return lookup;
    return { kind: 'failed_at', mountPoint: mount.mountPoint, lookup };
  }

  isBlocked(path: string): boolean {
    return this.#failingOnTheWay(path) !== null;
  }

  #failingOnTheWay(path: string) {
    const chain = this.table.chain(path);
    for (const [index, mount] of chain.entries()) {
      if (!isNetworkFileSystem(mount.fstype) || chain[index + 1]?.mountPoint === mount.mountPoint) continue;
      const lookup = this.#answerOf(mount);
      if (lookup !== null) return { mount, lookup };
    }
    return null;
  }

  #answerOf({ device }: Mount) {
    if (this.superblocks.get(device)?.isAlive === false) return { kind: 'error', errno: 'ENOTCONN' } as const;
    if (this.server === 'frozen') return { kind: 'timed_out' } as const;
    if (this.server === 'down') return { kind: 'error', errno: 'EIO' } as const;
    return null;
  }

  /** F26: somebody looks up a path through a dead FUSE mount, and the kernel detaches every mount inside that. */
  lookThrough(path: string): void {
    const table = this.table;
    const dead = table.chain(path).find(({ device }) => this.superblocks.get(device)?.isAlive === false);
    if (dead === undefined) return;
    const inside = new Set(
      insideOf([dead], table).filter(({ mountPoint }) => mountPoint !== dead.mountPoint),
    );
    this.mounts = this.mounts.filter((mount) => !inside.has(mount));
  }

  /** Time passes, by both clocks; systemd tries again what it tries again. */
  pass(milliseconds: number): void {
    this.bootMs += milliseconds;
    this.wallMs += milliseconds;
    for (const [name, unit] of this.units) {
      if (unit.state === 'busy' && !unit.isSlow && unit.nextTryBootMs <= this.bootMs) this.startUnit(name);
    }
  }

  /** Like the kernel's: the lowest that is free, so that a number comes again at once (F17). */
  #freeId(): number {
    const used = new Set(this.mounts.map(({ id }) => id));
    let id = 30;
    while (used.has(id)) id += 1;
    return id;
  }

  /** A superblock lives as long as something is mounted of it, or a crawl works in it. */
  #freeDevice(): string {
    const used = new Set([...this.mounts, ...this.crawls].map(({ device }) => device));
    let minor = 40;
    while (used.has(`0:${minor}`)) minor += 1;
    return `0:${minor}`;
  }
}
