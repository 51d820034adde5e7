/**
 * The mount table of a lab machine, read from outside of it: reading mountinfo never touches a mount.
 *
 * On purpose not the product's own parser, which the lab's tests hold against this one.
 */

export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the superblock. */
  readonly device: string;
  /** The folder of that file system that is mounted here; of a bind not '/'. */
  readonly root: string;
  readonly path: string;
  /** Options of this mount, e.g. rw, nosuid. */
  readonly options: readonly string[];
  /** Propagation, e.g. `shared:3`; empty for a private mount. */
  readonly propagation: readonly string[];
  readonly fstype: string;
  readonly source: string;
  /** Options of the superblock. */
  readonly superOptions: readonly string[];
}

/** Entries in the kernel's order: of several layers on one path the last one is on top. See proc_pid_mountinfo(5). */
export function parseMountInfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [id, parentId, device = '', root = '', path = '', options = '', ...propagation] =
        before.split(' ');
      const [fstype = '', source = '', superOptions = ''] = after.split(' ');
      return {
        id: Number(id),
        parentId: Number(parentId),
        device,
        root: unescape(root),
        path: unescape(path),
        options: options.split(','),
        propagation,
        fstype: unescape(fstype),
        source: unescape(source),
        superOptions: superOptions.split(','),
      };
    });
}

function unescape(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  const plain = bytes.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
  return Buffer.from(plain, 'latin1').toString('utf8');
}
