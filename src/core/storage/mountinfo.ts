/** One line of /proc/PID/mountinfo, unescaped (proc_pid_mountinfo(5)). */
export interface Mount {
  /**
   * Unique only among the mounts that exist now: the kernel gives the number of a removed mount to the next one.
   */
  readonly id: number;
  /** The mount it was made on; not listed for the root of the table. */
  readonly parentId: number;
  /** `major:minor` of the superblock. Reused like the id. */
  readonly device: string;
  /** The directory inside the file system that is seen at the mount point: `/`, or the source of a bind mount. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of this mount (`ro`, `nosuid`, ...). */
  readonly options: readonly string[];
  readonly fstype: string;
  /** Empty where the file system has none. */
  readonly source: string;
  /** Options of the superblock, shared by all its mounts. */
  readonly superOptions: readonly string[];
  /** What is mounted below it later shows in other copies of it too (mount_namespaces(7)). */
  readonly isShared: boolean;
  /** The mounted directory was removed on this machine. A network server's removal does not show here. */
  readonly deleted: boolean;
}

const deletedSuffix = '//deleted';

/** Lines that are not mountinfo are left out: the kernel writes none, and a table must not fail for one. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => parseMountinfoLine(line) ?? []);
}

export function parseMountinfoLine(line: string): Mount | undefined {
  // Fields are separated by single spaces; an empty source leaves two of them in a row.
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [id, parentId, device, root, mountPoint, options] = fields;
  if (separator === -1 || fields.length < separator + 4) return undefined;
  if (!id || !parentId || !device || !root || !mountPoint || options === undefined) return undefined;
  if (!/^\d+$/.test(id) || !/^\d+$/.test(parentId) || !/^\d+:\d+$/.test(device)) return undefined;
  if (!mountPoint.startsWith('/')) return undefined;
  const deleted = root.endsWith(deletedSuffix);
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescapeMountField(deleted ? root.slice(0, -deletedSuffix.length) : root),
    mountPoint: unescapeMountField(mountPoint),
    options: splitOptions(options),
    isShared: fields.slice(6, separator).some((field) => field.startsWith('shared:')),
    fstype: unescapeMountField(fields[separator + 1] ?? ''),
    // Some drivers write a source without escaping its spaces, so everything up to the last field is the source.
    source: unescapeMountField(fields.slice(separator + 2, -1).join(' ')),
    superOptions: splitOptions(fields.at(-1) ?? ''),
    deleted,
  };
}

function splitOptions(text: string): string[] {
  return text
    .split(',')
    .filter((option) => option !== '')
    .map(unescapeMountField);
}

/** `\040` and the like become the character; anything else, a lone backslash too, stays as it is. */
export function unescapeMountField(field: string): string {
  return field.replace(/\\([0-3][0-7]{2})/g, (escape, octal: string) => {
    const code = Number.parseInt(octal, 8);
    // Bytes above ASCII are parts of UTF-8 sequences; the kernel never escapes them.
    return code < 0x80 ? String.fromCharCode(code) : escape;
  });
}

/**
 * What a job's output directory lies on, as far as it can be known without touching it: the mount that covers it.
 * `local` says that no network file system covers it; `mountPoint` is that of a disk of its own, where the job ran on one.
 */
export type MountIdentity =
  | { readonly kind: 'local'; readonly mountPoint?: string }
  | { readonly kind: 'mount'; readonly fstype: string; readonly source: string; readonly root: string };
