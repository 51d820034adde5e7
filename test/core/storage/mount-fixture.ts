import { parseMountinfo } from '../../../src/core/storage/mountinfo.ts';
import { MountTable } from '../../../src/core/storage/mount-table.ts';

/** A table from mountinfo text. Indentation and empty lines don't matter. */
export function mountTable(text: string): MountTable {
  return new MountTable(parseMountinfo(text.replace(/^\s+/gm, '')));
}

/** A host with the storage box mounted (superblock 0:40) and two of its directories bound to hot paths. */
export const hostText = `
  26 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
  27 26 0:5 / /proc rw - proc proc rw
  64 26 0:40 / /srv/ha/box rw,nosuid,nodev - fuse.sshfs u1@box:/ rw
  65 26 0:40 /jobs/hc /srv/ha/jobs/hc rw,nosuid,nodev - fuse.sshfs u1@box:/ rw
  66 26 0:40 /jobs/phac /srv/ha/jobs/phac rw,nosuid,nodev - fuse.sshfs u1@box:/ rw
`;

/** What the kernel does to a path or source: space, tab, newline, backslash and `#` become octal escapes. */
export function escapeMountField(text: string): string {
  return text.replace(/[ \t\n\\#]/g, (character) => {
    return '\\' + character.charCodeAt(0).toString(8).padStart(3, '0');
  });
}
