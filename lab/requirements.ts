/** What the lab needs of the machine it runs on. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PROGRAMS = ['unshare', 'nsenter', 'setpriv', 'ip', 'sshd', 'ssh-keygen', 'sshfs', 'umount'];
/** systemd itself is in no folder of PATH. */
const FILES = ['/lib/systemd/systemd', '/dev/fuse'];
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/** Why no lab host can run here, or `false`: made for the `skip` option of a test. */
export function labUnavailable(programs: readonly string[] = []): string | false {
  if (process.getuid?.() !== 0) return 'the lab needs root';
  const missing = [...PROGRAMS, ...programs].filter((name) => !isInstalled(name));
  missing.push(...FILES.filter((file) => !existsSync(file)));
  return missing.length > 0 && `the lab needs ${missing.join(', ')}`;
}

function isInstalled(program: string): boolean {
  return FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
