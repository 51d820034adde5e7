import { closeSync } from 'node:fs';
import { isStillThere } from '../../core/storage/mount-table.ts';
import type { Mount } from '../../core/storage/mountinfo.ts';
import { readMountTable } from '../../effects/read-mounts.ts';
import { mountIdOf, openBelow, openDirectory, viaDescriptor } from './pin.ts';
import type { ChildAnswer, UnmountRequest } from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';
import { runMountProgram } from '../../effects/storage/mount-program.ts';

/**
 * Takes off the topmost mount of the hot path, if it still is the one that is meant. By descriptor, not by path: in a mount
 * namespace of their own others can rename a mount point, or put a link in its place, and umount(8) would follow that. An
 * open mount is busy, so it is taken off lazily; what is mounted inside goes with it, so that must be nothing, or as dead.
 */
export function unmount({ jobsRoot, hotNames, mountId, takesAlong, along }: UnmountRequest): ChildAnswer {
  // Without a name it would be the jobs root itself that is taken off (it happened).
  if (hotNames.length === 0) return refused('the jobs root is never unmounted');
  try {
    const top = openBelow(openDirectory(jobsRoot), hotNames, false);
    if (mountIdOf(top) !== mountId) {
      return refused('another mount lies there than when the plan was made');
    }
    const { mounts } = readMountTable();
    const mount = mounts.find(({ id }) => id === mountId);
    if (mount === undefined) return refused('another mount lies there than when the plan was made');
    const inner = inside(mounts, mountId).find(
      (each) => !takesAlong || (each.device !== mount.device && !along.includes(each.mountPoint)),
    );
    if (inner !== undefined) return refused(`${inner.mountPoint} is mounted inside it`);
    const problem = runMountProgram('umount', ['-c', '--lazy', viaDescriptor(3)], [top]);
    closeSync(top);
    if (problem !== null) return refused(problem);
    return isStillThere(mount, readMountTable().mounts)
      ? refused('umount ended well, but the mount is still there')
      : { kind: 'unmounted' };
  } catch (error) {
    const errno = errnoName(error);
    return { kind: 'refused', errno, detail: `could not open the hot path (${errno})` };
  }
}

/** Whatever is mounted in the mount, and in that again. */
function inside(mounts: readonly Mount[], mountId: number): Mount[] {
  return mounts
    .filter(({ parentId, id }) => parentId === mountId && id !== mountId)
    .flatMap((mount) => [mount, ...inside(mounts, mount.id)]);
}

function refused(detail: string): ChildAnswer {
  return { kind: 'refused', errno: null, detail };
}
