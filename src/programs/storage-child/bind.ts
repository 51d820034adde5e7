import { closeSync } from 'node:fs';
import type { Mount } from '../../core/storage/mountinfo.ts';
import { mountsMade } from '../../core/storage/mount-table.ts';
import { joinBelow } from '../../core/storage/path-relation.ts';
import { readMountTable } from '../../effects/read-mounts.ts';
import { mountIdOf, openBelow, openDirectory, openMount, viaDescriptor } from './pin.ts';
import type { BindRequest, ChildAnswer, SecureRequest } from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';
import { runMountProgram } from '../../effects/storage/mount-program.ts';

/** Thrown for what is not as the plan says; its message is a sentence without full stop. */
class Surprise extends Error {}

/**
 * Mounts the cold directory at the hot one: nosuid, nodev, private. What can't be proved right is taken off again. Each step
 * is told before, as it may wait for a server.
 */
export function bind(request: BindRequest, answer: (line: ChildAnswer) => void): ChildAnswer {
  const tell = (): void => {
    answer({ kind: 'doing', step: null });
  };
  let doing = 'open the storage box';
  try {
    requireSameBase(request);
    const base = openBase(request);
    doing = `${request.makesCold ? 'make or ' : ''}open the cold directory`;
    const cold = openCold(request, base, tell);
    doing = 'make or open the hot directory';
    const hot = openBelow(openDirectory(request.jobsRoot), request.hotNames, true, tell);
    if (mountIdOf(hot) !== request.coveringMountId) {
      throw new Surprise('something is mounted at the hot path meanwhile');
    }
    doing = 'mount';
    tell();
    const before = readMountTable().mounts;
    // Onto the open directory: a link put in its place meanwhile is nothing to us.
    const problem = runMountProgram('mount', ['-c', '--bind', fdOf(0), fdOf(1)], [cold, hot]);
    // Whatever the program says: it can be killed, or fail to note what it did, after the mount was made.
    const made = newMount(request, before);
    if (made === null) throw new Surprise(problem ?? 'the new mount is not in the mount table');
    doing = 'open the new mount';
    tell();
    return prove(request, made.id, problem);
  } catch (error) {
    if (error instanceof Surprise) return { kind: 'refused', errno: null, detail: error.message };
    const errno = errnoName(error);
    return { kind: 'refused', errno, detail: `could not ${doing} (${errno})` };
  }
}

/** The mount that came onto the directory since. Only one that is certainly ours may be taken off again. */
function newMount(request: BindRequest, before: readonly Mount[]): Mount | null {
  const { coveringMountId, base, coldNames } = request;
  const made = mountsMade(before, readMountTable().mounts).filter(
    ({ parentId }) => parentId === coveringMountId,
  );
  const root = joinBelow(base.root, coldNames.join('/'));
  const likely = made.filter((mount) => mount.device === base.device && mount.root === root);
  const [mount, ...others] = likely.length > 0 ? likely : made;
  if (others.length > 0)
    throw new Surprise('several mounts were made at once; nobody can tell which is ours');
  return mount ?? null;
}

/** Ids and minors are both used again at once (storage-facts F17), so neither tells one base from the next. */
function requireSameBase({ base }: BindRequest): void {
  const mount = readMountTable().topmostAt(base.path);
  const isSame =
    mount?.id === base.mountId &&
    mount.device === base.device &&
    mount.root === base.root &&
    mount.fstype === base.fstype;
  if (!isSame) throw new Surprise('the storage box is not mounted as it was when the plan was made');
}

function openBase(request: BindRequest): number {
  const base = openDirectory(request.base.path);
  if (mountIdOf(base) !== request.base.mountId) {
    throw new Surprise('the storage box is not mounted as it was when the plan was made');
  }
  return base;
}

function openCold(request: BindRequest, base: number, tell: () => void): number {
  const cold = openBelow(base, request.coldNames, request.makesCold, tell);
  if (mountIdOf(cold) !== request.base.mountId) {
    throw new Surprise('another mount lies over the cold directory');
  }
  return cold;
}

/** All of it on the mount itself, wherever somebody has moved its directory meanwhile. */
function prove(request: BindRequest, mountId: number, problem: string | null): ChildAnswer {
  const top = openMount(mountId);
  let isProved = false;
  try {
    must(problem);
    must(secureMount(top));
    const mount = readMountTable().mounts.find(({ id }) => id === mountId);
    if (mount === undefined) throw new Surprise('the new mount was taken off at once');
    must(identityProblem(request, mount));
    isProved = true;
    return { kind: 'mounted', mountId };
  } finally {
    if (!isProved) runMountProgram('umount', ['-c', '--lazy', fdOf(0)], [top]);
    closeSync(top);
  }
}

/** Makes a mount of the jobs root safe that is not, as its maker was killed or has not thought of it. */
export function secure({ mountId, device, root }: SecureRequest): ChildAnswer {
  try {
    const mount = readMountTable().mounts.find(({ id }) => id === mountId);
    if (mount?.device !== device || mount.root !== root)
      throw new Surprise('another mount lies there than when the plan was made');
    must(secureMount(openMount(mountId)));
    return { kind: 'mounted', mountId };
  } catch (error) {
    if (error instanceof Surprise) return { kind: 'refused', errno: null, detail: error.message };
    const errno = errnoName(error);
    return { kind: 'refused', errno, detail: `could not open the mount (${errno})` };
  }
}

function secureMount(top: number): string | null {
  return (
    runMountProgram('mount', ['-c', '-o', 'remount,bind,nosuid,nodev', fdOf(0)], [top]) ??
    // Else what is mounted below it later shows up inside the storage box too (mount_namespaces(7)).
    runMountProgram('mount', ['-c', '--make-private', fdOf(0)], [top])
  );
}

function identityProblem({ base, coldNames, jobsRoot, hotNames }: BindRequest, mount: Mount): string | null {
  const root = joinBelow(base.root, coldNames.join('/'));
  const path = joinBelow(jobsRoot, hotNames.join('/'));
  if (mount.device === base.device && mount.root === root && mount.mountPoint === path) return null;
  return `the directories were moved meanwhile: mounted was ${mount.root} at ${mount.mountPoint}`;
}

/** Descriptor of the program that is run, see runMountProgram. */
function fdOf(index: number): string {
  return viaDescriptor(3 + index);
}

function must(problem: string | null): void {
  if (problem !== null) throw new Surprise(problem);
}
