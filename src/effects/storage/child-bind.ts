import { closeSync } from 'node:fs';
import { joinBelow } from '../../core/storage/path-relation.ts';
import { readMountTable } from '../mount-table.ts';
import { mountIdOf, openBelow, openDirectory, viaDescriptor } from './child-pinned.ts';
import type { BindRequest, ChildAnswer } from './child-protocol.ts';
import { errnoName } from './errno-name.ts';
import { runMountProgram } from './mount-program.ts';

/** Thrown for what is not as the plan says; its message is a sentence without full stop. */
class Surprise extends Error {}

/** Mounts the cold directory at the hot one: nosuid, nodev, private. What can't be proved right is taken off again. */
export function bind(request: BindRequest): ChildAnswer {
  let doing = 'open the storage box';
  try {
    const cold = openCold(request, (step) => {
      doing = step;
    });
    doing = 'make or open the hot directory';
    const root = openDirectory(request.jobsRoot);
    const parent = openBelow(root, request.hotNames.slice(0, -1), true);
    const name = request.hotNames.at(-1) ?? '';
    const hot = openBelow(parent, [name], true);
    if (mountIdOf(hot) !== request.coveringMountId) {
      throw new Surprise('something is mounted at the hot path meanwhile');
    }
    doing = 'mount';
    // Onto the open directory: a link put in its place meanwhile is nothing to us.
    must(runMountProgram('mount', ['-c', '--bind', fdOf(0), fdOf(1)], [cold, hot]));
    return secure(request, parent, name);
  } catch (error) {
    if (error instanceof Surprise) return { kind: 'refused', errno: null, detail: error.message };
    const errno = errnoName(error);
    return { kind: 'refused', errno, detail: `could not ${doing} (${errno})` };
  }
}

function openCold(request: BindRequest, tell: (step: string) => void): number {
  const base = openDirectory(request.base.path);
  if (mountIdOf(base) !== request.base.mountId) {
    throw new Surprise('the storage box is not mounted as it was when the plan was made');
  }
  tell('make or open the cold directory');
  const cold = openBelow(base, request.coldNames, true);
  if (mountIdOf(cold) !== request.base.mountId) {
    throw new Surprise('another mount lies over the cold directory');
  }
  return cold;
}

/** From here on the name is a mount point, which nobody can rename or replace. */
function secure(request: BindRequest, parent: number, name: string): ChildAnswer {
  const top = openDirectory(viaDescriptor(parent, name));
  const mountId = mountIdOf(top);
  let problem =
    mountId === request.coveringMountId
      ? 'the hot directory was moved while it was mounted'
      : (runMountProgram('mount', ['-c', '-o', 'remount,bind,nosuid,nodev', fdOf(0)], [top]) ??
        // Else what is mounted below it later shows up inside the storage box too (mount_namespaces(7)).
        runMountProgram('mount', ['-c', '--make-private', fdOf(0)], [top]));
  closeSync(top);
  problem ??= identityProblem(request, mountId);
  if (problem === null) return { kind: 'mounted', mountId };
  if (mountId !== request.coveringMountId) {
    runMountProgram('umount', ['-c', '--lazy', `${fdOf(0)}/${name}`], [parent]);
  }
  throw new Surprise(problem);
}

function identityProblem({ base, coldNames, jobsRoot, hotNames }: BindRequest, mountId: number) {
  const mount = readMountTable().mounts.find(({ id }) => id === mountId);
  if (mount === undefined) return 'the new mount is not in the mount table';
  const root = joinBelow(base.root, coldNames.join('/'));
  const path = joinBelow(jobsRoot, hotNames.join('/'));
  if (mount.device === base.device && mount.root === root && mount.mountPoint === path) return null;
  return `mounted was ${mount.root} of ${mount.device} at ${mount.mountPoint}`;
}

/** Descriptor of the program that is run, see runMountProgram. */
function fdOf(index: number): string {
  return viaDescriptor(3 + index);
}

function must(problem: string | null): void {
  if (problem !== null) throw new Surprise(problem);
}
