import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { bootClockMs, processStart, thisBootId } from './host.ts';
import { makeStateFolder } from './state-file.ts';

/**
 * At most one probe per superblock, over all processes of one user. The process that asks is written down before it
 * touches anything, as boot id, pid and start time, in a file named after the superblock; while that very process
 * lives, the superblock counts as hung. A process that waits for hung storage can't be killed, so without this
 * every run would leave one more behind.
 */
export type SuperblockClaim =
  | {
      readonly kind: 'claimed';
      /** It has answered just now, and is asked on. */
      readonly renew: () => void;
      readonly release: () => void;
    }
  /** `silentMs` is the time since that process asked, or last heard an answer, by the boot clock. */
  | { readonly kind: 'held'; readonly pid: number; readonly silentMs: number };

interface Holder {
  readonly bootId: string;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTicks: number;
  /** When the storage last answered it, or else when it asked. */
  heardAtBootMs: number;
}

/** A record is a hundred bytes; nobody's larger file is read. */
const maxRecordBytes = 4096;

/** Holders of this process' own, for when the folder can't be used. */
const held = new Map<string, Holder>();

/**
 * @param device `major:minor`; with `+N` behind it another claim on the same, for what may go side by side
 * @param folder null: the claim holds within this process only (see `claimFolder`).
 */
export function claimSuperblock(folder: string | null, device: string, pid: number): SuperblockClaim {
  const start = processStart(pid);
  // It ended already: there is nothing to hold, and nothing that could block.
  if (!start) return { kind: 'claimed', renew: () => undefined, release: () => undefined };
  const { startTicks } = start;
  const holder: Holder = { bootId: thisBootId(), pid, startTicks, heardAtBootMs: bootClockMs() };
  const own = held.get(device);
  if (own && isAlive(own)) return heldBy(own);
  const record = folder === null ? null : `${folder}/${device.replace(':', '-')}.json`;
  if (record !== null) {
    const other = recordHolder(record, holder);
    if (other) return heldBy(other);
  }
  held.set(device, holder);
  return {
    kind: 'claimed',
    renew: () => {
      holder.heardAtBootMs = bootClockMs();
      if (record !== null && readHolder(record)?.pid === pid) replaceRecord(record, holder);
    },
    release: () => {
      if (held.get(device) === holder) held.delete(device);
      if (record !== null && readHolder(record)?.pid === pid) removeFile(record);
    },
  };
}

function heldBy({ pid, heardAtBootMs }: Holder): SuperblockClaim {
  return { kind: 'held', pid, silentMs: Math.max(0, bootClockMs() - heardAtBootMs) };
}

/**
 * The folder of this user's claims, below a folder on local disk; null if it is not safe to trust: root must not
 * believe a file that another user could have put there.
 */
export function claimFolder(parent: string): string | null {
  const uid = process.geteuid?.() ?? 0;
  const folder = `${parent}/probes-${uid}`;
  try {
    makeStateFolder(parent);
    makeFolder(folder);
    const stats = lstatSync(folder);
    return stats.isDirectory() && stats.uid === uid && (stats.mode & 0o022) === 0 ? folder : null;
  } catch {
    return null;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes the record; gives the living holder instead if there is one. */
function recordHolder(record: string, holder: Holder): Holder | undefined {
  const draft = draftOf(record);
  try {
    writeDraft(draft, holder);
    // link(2) is atomic and never replaces: of two processes one gets the record. The second round is for a dead
    // holder's.
    for (let round = 0; round < 2; round += 1) {
      if (linkFile(draft, record)) return undefined;
      const other = readHolder(record);
      if (other && isAlive(other)) return other;
      removeFile(record);
    }
    return undefined;
  } catch {
    // A full or read-only local disk must not stop us from looking at storage; the claim then holds in this
    // process.
    return undefined;
  } finally {
    removeFile(draft);
  }
}

function replaceRecord(record: string, holder: Holder): void {
  const draft = draftOf(record);
  try {
    writeDraft(draft, holder);
    renameSync(draft, record);
  } catch {
    // Then others take it for silent, as if it had not answered.
    removeFile(draft);
  }
}

function draftOf(record: string): string {
  return `${record}.${randomBytes(6).toString('hex')}`;
}

function writeDraft(draft: string, holder: Holder): void {
  writeFileSync(draft, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
}

function linkFile(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined for what is absent, not ours or not a record. */
function readHolder(record: string): Holder | undefined {
  let file: number | undefined;
  try {
    file = openSync(record, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.uid !== process.geteuid?.() || stats.size > maxRecordBytes) return undefined;
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  const { bootId, pid, startTicks, heardAtBootMs } = value as Record<string, unknown>;
  return typeof bootId === 'string' && [pid, startTicks, heardAtBootMs].every(Number.isSafeInteger);
}

function isAlive({ bootId, pid, startTicks }: Holder): boolean {
  return bootId === thisBootId() && processStart(pid)?.startTicks === startTicks;
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Absent is what is wanted; a record that stays behind is taken over once its process is gone.
  }
}

const abandoned = new Set<ChildProcess>();

/**
 * Lets go of a child that the kernel keeps in an uninterruptible wait: KILL is already sent and takes effect when
 * the storage answers. Our process neither waits for it nor is kept alive by it, and forgets it when it ends.
 */
export function abandon(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.unref();
  abandoned.add(child);
  child.once('exit', () => abandoned.delete(child));
}

/** How many abandoned children of this process still exist. */
export function abandonedChildCount(): number {
  return abandoned.size;
}
